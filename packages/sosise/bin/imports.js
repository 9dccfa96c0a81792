import { parseAst } from 'rolldown/parseAst';

/** What a module imports, requires and exports from others, in the order of its text: where each text stands, quotes included. */
export function importsIn(code) {
    const found = [];
    visit(parseAst(code), found);
    return found.sort((one, other) => one.start - other.start);
}

function visit(node, found) {
    const isRequire = node.type === 'CallExpression' && node.callee.name === 'require';
    const source = isRequire ? node.arguments[0] : node.source;
    const value = textOf(source);
    if (value !== undefined) {
        found.push({
            value,
            start: source.start,
            end: source.end,
            isLazy: isRequire || node.type === 'ImportExpression',
        });
    }
    for (const child of Object.values(node)) {
        for (const one of Array.isArray(child) ? child : [child]) {
            if (typeof one?.type === 'string') {
                visit(one, found);
            }
        }
    }
}

/** The text of `'a'` or `` `a` ``; undefined for what is only known at run time. */
function textOf(node) {
    if (node?.type === 'Literal') {
        return typeof node.value === 'string' ? node.value : undefined;
    }
    return node?.type === 'TemplateLiteral' && node.quasis.length === 1 ? node.quasis[0].value.cooked : undefined;
}
