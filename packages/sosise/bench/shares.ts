/** What time is for: that of a package or a folder of ours, and in `Http` of some files. First come the narrower ones. */
export const SHARES: readonly [title: string, folders: string[], files?: string[]][] = [
    ['start: loading of code', ['node:internal/modules/', 'node:internal/bootstrap/', 'node:internal/deps/']],
    ['Express', ['express/', 'router/', 'finalhandler/']],
    ['reading of bodies', ['body-parser/', 'raw-body/', 'iconv-lite/'], ['plainJsonBody']],
    ['checks of bodies', [], ['parsers', 'jsonProblem', 'prototypeKeys']],
    ['security headers', ['helmet/', 'cors/'], ['securityHeaders', 'properRequest', 'trustedCors']],
    ['request id', [], ['requestId']],
    ['access log', ['Logging/', 'winston/', 'logform/']],
    ['session: store', ['Session/Stores/', '@redis/', 'redis/', 'lru-cache/']],
    ['session: all else', ['Session/', 'express-session/', 'cookie-signature/']],
    ['answer', [], ['ResponseGate', 'answerJson', 'answering', 'ResponseTimeout']],
    ['pipeline: other code of ours', ['Http/', 'Kernel/', 'Validation/']],
    ['routes of the bench', ['sosise/bench/']],
];
const BY_NAME: Record<string, string> = { '(garbage collector)': 'garbage', '(program)': 'native code, the system' };
const NODE = 'Node.js: HTTP, sockets, streams';

export interface ProfileNode {
    readonly id: number;
    readonly children?: readonly number[];
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

/** The share of each function in a tree of calls. What is in none counts to its caller: a header that Node.js sets, say. */
export function sharesOf(
    nodes: readonly ProfileNode[],
    placeOf: (frame: ProfileNode['callFrame']) => string,
): Map<number, string> {
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const shares = new Map<number, string>();
    const visit = (node: ProfileNode, caller: string): void => {
        const { callFrame } = node;
        const place = placeOf(callFrame);
        const own = BY_NAME[callFrame.functionName] ?? shareOf(place);
        shares.set(node.id, own ?? caller);
        for (const child of node.children ?? []) {
            visit(byId.get(child) as ProfileNode, own ?? caller);
        }
    };
    visit(nodes[0] as ProfileNode, NODE);
    return shares;
}

function shareOf(place: string): string | undefined {
    const is = (folder: string) => place.startsWith(folder);
    const isIn = (file: string) => place.startsWith('Http/') && place.includes(`/${file}.js:`);
    return SHARES.find(([, folders, files = []]) => folders.some(is) || files.some(isIn))?.[0];
}

/** In the order of a request's way, then what is nobody's. */
export const SHARE_TITLES = [...SHARES.map(([title]) => title), NODE, ...Object.values(BY_NAME)];
