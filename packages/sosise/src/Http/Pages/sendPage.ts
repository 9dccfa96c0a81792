import { createHash } from 'node:crypto';
import type { Response } from 'express';
import { Html, html } from './html.js';
import { LOGO } from './logo.js';

export interface Page {
    title: string;
    style: string;
    /** What is in `<body>`. */
    body: Html;
    script?: string | undefined;
}

/** Sends a page. The response's status stands. */
export function sendPage(response: Response, page: Page): void {
    response.set(headersOf(page)).type('html').send(documentOf(page));
}

/** The policy lets in a page's own style and script by their hashes, whatever the application's own pages may do. */
export function headersOf({ style, script }: Page): Record<string, string> {
    return { 'Content-Security-Policy': policyOf(style, script), 'X-Content-Type-Options': 'nosniff' };
}

/** A page that needs nothing but itself. */
export function documentOf({ title, style, body, script }: Page): string {
    return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(LOGO)}">
<style>${new Html(style)}</style>
</head>
<body>
${body}
${script !== undefined && new Html(`<script>${script}</script>`)}
</body>
</html>
`.text;
}

function policyOf(style: string, script: string | undefined): string {
    return [
        "default-src 'none'",
        `style-src ${hashOf(style)}`,
        ...(script === undefined ? [] : [`script-src ${hashOf(script)}`, "connect-src 'self'"]),
        'img-src data:',
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ].join(';');
}

function hashOf(text: string): string {
    return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
