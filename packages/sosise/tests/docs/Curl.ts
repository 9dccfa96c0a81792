/** Does what the `curl` lines of the documents do, with the cookies that it was sent. */
export class Curl {
    private readonly jar = new Map<string, string>();

    public constructor(private readonly url: string) {}

    /** Runs a line such as `curl -b jar -c jar -d item=tea http://localhost:10000/cart`. Gives the answer's JSON. */
    public async run(line: string): Promise<unknown> {
        const { method, data, path } = parse(line);
        const response = await fetch(new URL(path, this.url), {
            method: method ?? (data === undefined ? 'GET' : 'POST'),
            headers: { cookie: [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ') },
            ...(data !== undefined && { body: new URLSearchParams(data) }),
        });
        for (const cookie of response.headers.getSetCookie()) {
            const [pair = ''] = cookie.split(';');
            this.jar.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
        }
        return response.json();
    }

    /** The values of the cookies, by name. */
    public get cookies(): Record<string, string> {
        return Object.fromEntries(this.jar);
    }
}

function parse(line: string): { method?: string; data?: string; path: string } {
    const words = line.trim().split(/\s+/);
    const after = (flag: string) => (words.includes(flag) ? words[words.indexOf(flag) + 1] : undefined);
    const [method, data] = [after('-X'), after('-d')];
    const url = new URL(words.at(-1) ?? '');
    return { path: url.pathname, ...(method && { method }), ...(data && { data }) };
}
