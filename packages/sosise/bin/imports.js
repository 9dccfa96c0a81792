import { parseAst } from 'rolldown/parseAst';

/** What a module imports and exports from others, lazily too, in the order of its text: where each text stands, quotes included. */
export function importsIn(code) {
    const found = [];
    visit(parseAst(code), found);
    return found.sort((one, other) => one.start - other.start);
}

function visit(node, found) {
    if (node?.source?.type === 'Literal' && typeof node.source.value === 'string') {
        const { value, start, end } = node.source;
        found.push({ value, start, end, isLazy: node.type === 'ImportExpression' });
    }
    for (const child of Object.values(node)) {
        for (const one of Array.isArray(child) ? child : [child]) {
            if (typeof one?.type === 'string') {
                visit(one, found);
            }
        }
    }
}
