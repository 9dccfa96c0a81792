import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A fenced block of a Markdown file. */
export interface Block {
    /** The file and line it begins at, such as `docs/sessions.md:40`. */
    readonly place: string;
    readonly document: string;
    readonly language: string;
    /** Without the comment in its first line that names the file. */
    readonly code: string;
    /** The file that the first line names: `// src/routes/api.ts`, `<!-- views/cart.ejs -->`. */
    readonly path: string | undefined;
}

export interface Document {
    /** From the project's folder, such as `docs/sessions.md`. */
    readonly name: string;
    readonly text: string;
    /** The text without its fenced blocks. */
    readonly prose: string;
    readonly blocks: readonly Block[];
}

/** Everything in docs, and README.md and CHANGELOG.md until a user has made them theirs. */
export function readDocuments(root: string): Document[] {
    const inDocs = readdirSync(join(root, 'docs')).filter((file) => file.endsWith('.md'));
    const readme = join(root, 'README.md');
    const isOurs = existsSync(readme) && readFileSync(readme, 'utf8').startsWith('# Sosise Skeleton\n');
    const ofProject = isOurs ? ['README.md', 'CHANGELOG.md'] : [];
    return [...ofProject, ...inDocs.sort().map((file) => `docs/${file}`)].map((name) => {
        const text = readFileSync(join(root, name), 'utf8');
        return { name, text, prose: text.replace(FENCED, ''), blocks: blocksOf(name, text) };
    });
}

const FENCED = /^```(\w*)\n(.*?)^```$/gms;

function blocksOf(document: string, text: string): Block[] {
    return [...text.matchAll(FENCED)].map(({ index, 1: language = '', 2: content = '' }) => {
        const [, path] = /^(?:\/\/|<!--) ((?:src|tests|client|views)\/\S+)(?: -->)?\n/.exec(content) ?? [];
        return {
            place: `${document}:${text.slice(0, index).split('\n').length}`,
            document,
            language,
            code: path ? content.slice(content.indexOf('\n') + 1) : content,
            path,
        };
    });
}

/** The anchors of a document's headings. */
export function anchorsOf({ prose }: Document): string[] {
    return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
        heading
            .toLowerCase()
            .replace(/[^\w\- ]/g, '')
            .replaceAll(' ', '-'),
    );
}
