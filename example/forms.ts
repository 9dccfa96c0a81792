import { StandardSchema } from 'sosise';

export const PRODUCTS: Readonly<Record<string, string>> = { tea: 'Tea', coffee: 'Coffee', cake: 'Cake' };

const product = [new RegExp(`^(${Object.keys(PRODUCTS).join('|')})$`), 'We do not sell that.'] as const;
/** Who can log in. A real shop lets its customers register. */
export const DEMO = { names: ['Ann', 'Bob'], password: 'tea and cake' } as const;

export const AddForm = form({ product, amount: [/^[1-9]\d?$/, 'Please give a number from 1 to 99.'] });
export const RemoveForm = form({ product });
export const LoginForm = form({
    name: [/^\S.{0,39}$/, 'Please give a name of up to 40 letters.'],
    password: [/^.{1,200}$/, 'Please give your password.'],
});

/** A schema by hand. `validate` also takes a schema of zod, valibot or another library of standardschema.dev. */
function form<Field extends string>(
    rules: Record<Field, readonly [pattern: RegExp, message: string]>,
): StandardSchema<unknown, Record<Field, string>> {
    const names = Object.keys(rules) as Field[];
    const validate = (body: unknown) => {
        const value = body as Record<Field, string>;
        const wrong = names.filter((name) => typeof value[name] !== 'string' || !rules[name][0].test(value[name]));
        const issues = wrong.map((name) => ({ path: [name], message: rules[name][1] }));
        return issues.length > 0 ? { issues } : { value };
    };
    return { '~standard': { version: 1, vendor: 'example', validate } };
}
