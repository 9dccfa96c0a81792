import { expect, vi } from 'vitest';
import { DevToolsServiceProvider } from './helpers/inside/DevTools.js';
import { SessionServices } from './helpers/inside/Session/Request.js';
import type { TestClient } from './helpers/inside/Testing.js';
import { type SessionApp, type SessionAppOptions, sessionApp } from './helpers/sessionApp.js';

export const INSPECTOR = '/__sosise/sessions';

/** A request as the inspector lists it, in words. */
export interface Listed {
    readonly line: string;
    readonly outcome: string;
    readonly session: string;
    readonly diff: readonly string[];
    readonly read: string;
    readonly store: string;
    readonly cookie: string;
}

/** What the inspector shows to a visitor. */
export class Inspection {
    private constructor(
        public readonly session: string,
        public readonly figures: string,
        public readonly stored: string,
        /** Newest first. */
        public readonly requests: readonly Listed[],
    ) {}

    public static async of(client: TestClient): Promise<Inspection> {
        const state = (await client.get(`${INSPECTOR}/state?stored=1`)).assertOk().json<Record<string, string>>();
        const rows = (state['rows'] as unknown as string[]).map(listed).reverse();
        return new Inspection(words(state['session']), words(state['figures']), words(state['stored']), rows);
    }

    /** A figure by its name. */
    public figure(name: string): string {
        return new RegExp(`${name} ([^ ]+)`).exec(this.figures)?.[1] ?? '';
    }
}

/** An application as its developer runs it. */
export function developed(options: SessionAppOptions = {}): Promise<SessionApp> {
    return sessionApp({
        environment: 'development',
        providers: [DevToolsServiceProvider],
        ...options,
        session: { driver: 'memory', ...options.session },
    });
}

/** The newest request to a path, once it is listed: that is a moment after its answer. */
export async function request(client: TestClient, path: string): Promise<Listed> {
    return vi.waitFor(async () => {
        const { requests } = await Inspection.of(client);
        const found = requests.find(({ line }) => line.includes(` ${path} `));
        expect(found, path).toBeDefined();
        return found as Listed;
    });
}

export function layerOf({ app }: SessionApp): SessionServices {
    return app.container.make(SessionServices);
}

/** HTML as text, as somebody reads it. */
export function words(html = ''): string {
    return html
        .replace(/<span class="sr">[^<]*<\/span>/g, '')
        .replace(/<[^>]*>/g, ' ')
        .replace(/&quot;/g, '"')
        .replace(/&#39;/g, "'")
        .replace(/&lt;/g, '<')
        .replace(/&gt;/g, '>')
        .replace(/&amp;/g, '&')
        .replace(/\s+/g, ' ')
        .trim();
}

function listed(html: string): Listed {
    const part = (name: string) => words(new RegExp(`<dt>${name}</dt><dd>(.*?)</dd>`, 's').exec(html)?.[1]);
    const diff = [...html.matchAll(/<(del|ins)>(.*?)<\/\1>/gs)].map(
        ([, tag, text]) => `${tag === 'del' ? '-' : '+'} ${words(text)}`,
    );
    return {
        line: words(/<p class="line">(.*?)<\/p>/s.exec(html)?.[1]),
        outcome: words(/<span class="badge[^>]*>(.*?)<\/span>/s.exec(html)?.[1]),
        session: words(/<span class="whose[^>]*>(.*?)<\/span>/s.exec(html)?.[1]),
        diff,
        read: part('Read'),
        store: part('Store'),
        cookie: part('Cookie'),
    };
}
