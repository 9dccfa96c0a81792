import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, LaunchOptions } from 'playwright-core';
import { describe, test } from 'vitest';

export type { Browser, BrowserContext, Page } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The program: CHROMIUM in the environment, else where distributions put it. */
const program = process.env['CHROMIUM'] ?? PLACES.find((path) => existsSync(path));

const missing =
    program !== undefined && existsSync(program)
        ? undefined
        : `no Chromium at ${program ?? PLACES.join(', ')}: install it, or set CHROMIUM to its path`;

/** Containers run it as root, and what it would ask the network for is not there. */
const FLAGS = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
];

export interface OpenBrowserOptions {
    /** Names besides localhost that are this machine, such as `*.test`. */
    hosts?: readonly string[];
    /** More of its flags. */
    flags?: readonly string[];
}

/**
 * A group of tests that need Chromium. Without one they are skipped, and their name says why; with
 * SOSISE_REQUIRE_BROWSER=1, as in CI, that is a failure.
 */
export function describeInChromium(name: string, tests: () => void): void {
    if (missing === undefined) {
        describe(name, tests);
    } else if (process.env['SOSISE_REQUIRE_BROWSER'] === '1') {
        test(name, () => {
            throw new Error(missing);
        });
    } else {
        describe.skip(`${name} (skipped: ${missing})`, tests);
    }
}

/** A headless Chromium. Whoever opens it closes it; its `newContext()` makes visitors who share nothing. */
export async function openBrowser(options: OpenBrowserOptions = {}): Promise<Browser> {
    const { chromium } = await import('playwright-core');
    return chromium.launch(launchOptions(options));
}

/**
 * A headless Chromium with a profile in this folder, for one visitor. Unlike others it lets pages of one site use
 * cookies of another, as browsers did for long.
 */
export async function openTolerantBrowser(folder: string, options: OpenBrowserOptions = {}): Promise<BrowserContext> {
    const { chromium } = await import('playwright-core');
    mkdirSync(join(folder, 'Default'), { recursive: true });
    const preferences = { profile: { cookie_controls_mode: 0, block_third_party_cookies: false } };
    writeFileSync(join(folder, 'Default/Preferences'), JSON.stringify(preferences));
    return chromium.launchPersistentContext(folder, launchOptions(options));
}

function launchOptions({ hosts = [], flags = [] }: OpenBrowserOptions): LaunchOptions {
    const names = ['localhost', '*.localhost', ...hosts];
    const rules = names.map((name) => `MAP ${name} 127.0.0.1`).join(', ');
    const args = [...FLAGS, ...flags, `--host-resolver-rules=${rules}`];
    return { executablePath: program as string, headless: true, args };
}
