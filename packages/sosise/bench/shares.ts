/** What the time of a function at a place is for. Places in no share are their caller's: Node.js, Support, other packages. */
const SHARES: [title: string, place: RegExp][] = [
    ['start: loading of code', /^node:internal\/(modules|bootstrap|deps)\//],
    ['Express', /^(express|router|finalhandler)\//],
    ['reading of bodies', /^(body-parser|raw-body|iconv-lite)\//],
    ['checks of bodies', /^Http\/(.+\/)?(parsers|jsonProblem|prototypeKeys)\./],
    ['security headers', /^(helmet|cors)\/|^Http\/(.+\/)?(securityHeaders|properRequest|trustedCors)\./],
    ['request id', /^Http\/(.+\/)?requestId\./],
    ['access log', /^Logging\/|^(winston|logform)\//],
    ['session: store', /^Session\/Stores\/|^(@redis|redis|lru-cache)\//],
    ['session: all else', /^Session\/|^(express-session|cookie-signature)\//],
    ['answer', /^Http\/(.+\/)?(ResponseGate|answer\w+|weakEtag|plainEnd|ResponseTimeout)\./],
    ['pipeline: other code of ours', /^(?!Support\/)[A-Z]\w+\//],
    ['routes of the bench', /^sosise\/bench\//],
];
const BY_NAME: Record<string, string> = { '(garbage collector)': 'garbage', '(program)': 'native code, the system' };
const NODE = 'Node.js: HTTP, sockets, streams';

export interface ProfileNode {
    readonly id: number;
    readonly children?: readonly number[];
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

/** The share of each function in a tree of calls: so a header that Node.js sets counts to whoever wanted it. */
export function sharesOf(
    nodes: readonly ProfileNode[],
    placeOf: (frame: ProfileNode['callFrame']) => string,
): Map<number, string> {
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const shares = new Map<number, string>();
    const visit = (node: ProfileNode, caller: string): void => {
        const { callFrame } = node;
        const place = placeOf(callFrame);
        const own = BY_NAME[callFrame.functionName] ?? SHARES.find(([, pattern]) => pattern.test(place))?.[0];
        shares.set(node.id, own ?? caller);
        for (const child of node.children ?? []) {
            visit(byId.get(child) as ProfileNode, own ?? caller);
        }
    };
    visit(nodes[0] as ProfileNode, NODE);
    return shares;
}

/** In the order of a request's way, then what is nobody's. */
export const SHARE_TITLES = [...SHARES.map(([title]) => title), NODE, ...Object.values(BY_NAME)];
