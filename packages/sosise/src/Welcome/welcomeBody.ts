import { Html, type HtmlPart, html } from '../Http/Pages/html.js';
import { LOGO } from '../Http/Pages/logo.js';
import type { Details, Facts } from './facts.js';
import { LINE_FOR_SESSIONS } from './lineForSessions.js';

/** The body of the welcome page. `visits`: undefined where this one was not counted. */
export function welcomeBody(facts: Facts, visits: number | undefined): Html {
    const { details, hint } = facts;
    return html`<main>
<header><span class="logo" aria-hidden="true">${new Html(LOGO)}</span>
<div><h1>${titleOf(facts)}</h1>
<p class="state"><span class="dot" aria-hidden="true"></span><span id="state" role="status">${stateOf(details)}</span></p></div></header>
${details && [cards(details), details.sessions ? visitsOf(details, visits) : sessionsOff(details), steps(details)]}
${hint !== undefined && html`<p class="card small">${hint}</p>`}
${
    details &&
    html`<footer class="soft small">This page is <code>src/app/Http/Controllers/IndexController.ts</code>. Clients that
ask for JSON get JSON: <code>curl ${details.address}</code><br>What else there is: <code>README.md</code>, and the pages that it lists.${
        details.inspector !== undefined &&
        html` What requests do with sessions, live: <a href="${details.inspector}">session inspector</a>`
    }</footer>`
}
</main>`;
}

export function titleOf({ name }: Facts): string {
    return `${name} is running`;
}

function stateOf(details: Details | undefined): string {
    if (!details) {
        return 'Ready';
    }
    return details.reloads ? 'Ready, and loads again when you save a file' : 'Ready';
}

function cards({ environment, sessions, driver, idle }: Details): Html {
    const facts: [string, string, string?][] = [
        ['Environment', environment],
        ['Sessions', sessions ? 'On' : 'Off', sessions ? 'on' : 'off'],
        [sessions ? 'Driver' : 'Driver, once on', driver],
        ['Idle time', idle],
    ];
    return html`<dl class="facts">${facts.map(
        ([name, value, kind]) =>
            html`<div class="card"><dt>${name}</dt><dd${kind && html` class="${kind}"`}>${value}</dd></div>`,
    )}</dl>`;
}

function sessionsOff({ reloads }: Details): Html {
    return html`<section class="card lead"><h2>Turn sessions on: change one line</h2>
${LINE_FOR_SESSIONS}
<p class="soft">Save the file, and ${reloads ? 'this page changes by itself' : 'load this page again'}: it then counts your visits in <code>request.session</code>.</p></section>`;
}

function visitsOf({ driver, reloads }: Details, visits: number | undefined): Html {
    const kept =
        driver === 'memory'
            ? 'The memory driver keeps it until the server starts again.'
            : `The ${driver} driver keeps it, also when the server starts again.`;
    return html`<section class="card lead visits">
<p class="count">${visits ?? '–'}</p>
<div><h2>${visits === undefined ? 'This visit was not counted' : visits === 1 ? 'Your first visit' : 'Your visits so far'}</h2>
<p class="soft">Counted by <code>increment(request, 'visits')</code> in your own session. ${kept}
${visits === 1 && (reloads ? 'Load the page again, or save a file.' : 'Load the page again.')}</p></div></section>`;
}

function steps({ sessions }: Details): Html {
    const all: [title: string, file: string, text: Html][] = [
        ['Turn sessions on', 'src/config/session.ts', html`One line. Nothing else needs setting up.`],
        [
            'Write a controller',
            'src/app/Http/Controllers/CartController.ts',
            html`What you assign to <code>request.session</code> is there in this visitor’s next request.`,
        ],
        ['Route it', 'src/routes/api.ts', html`<code>router.post('/cart', action(CartController, 'store'));</code>`],
        [
            'Choose where sessions are kept',
            'src/config/session.ts',
            html`<code>driver:</code> <code>'file'</code>, <code>'memory'</code>, <code>'redis'</code>, <code>'database'</code>, or one of your own.`,
        ],
    ];
    const next = sessions ? all.slice(1) : all.slice(0, 3);
    return html`<section><h2>The first steps</h2><ol class="steps">${next.map(
        ([title, file, text]) =>
            html`<li class="card"><div><strong>${title}</strong> <code>${breakable(file)}</code><p class="soft small">${text}</p></div></li>`,
    )}</ol></section>`;
}

/** A path that may go on in the next line after a slash. */
function breakable(path: string): HtmlPart {
    return path.split('/').map((part, at) => (at === 0 ? part : html`/<wbr>${part}`));
}
