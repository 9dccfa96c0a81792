import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Browser, type Call } from './Browser.js';
import { type Cluster, COOKIE_MS } from './Cluster.js';
import { EMPTY, type State, tell } from './Model.js';
import { clock } from './ModelProcess.js';
import { look, Planner } from './Plan.js';
import type { Random } from './Random.js';
import { explain } from './search.js';

/** What came of one visitor. */
export interface Tally {
    requests: number;
    windows: number;
    statuses: Record<number, number>;
    /** Windows with too many orders to look at. */
    unknown: number;
    /** Browsers that were left with an id that had ended, although it had moved to one that lives. */
    strays: number;
}

/** Windows that a visitor lives through, and those that a request without an answer is remembered for. */
const LONGEST_LIFE = 14;
const LONGEST_DOUBT = 3;
const MOST_DOUBTS = 3;
const LOOK_TRIES = 200;
/** Before the idle time of a session is over. */
const LONGEST_MS = COOKIE_MS * 0.8;

/** One visitor with a browser or two, and two users to log in as: nobody else has to do with their sessions. */
export class World {
    private readonly browsers: Browser[];
    private readonly planner: Planner;
    private states: readonly State[] = [EMPTY];
    /** Requests that are not over, as far as is known, with the number of the window they were sent in. */
    private readonly open = new Map<number, { readonly call: Call; readonly window: number }>();
    private wiped: number;
    /** By the ids of the cookies that came: when it was surely not yet sent. */
    private readonly cookies = new Map<string, { from: number; until: number }>();
    /** Whether an answer never came: a new id may have been in it. */
    private hasMissed = false;
    private setsMaxAge = false;
    private readonly started = clock();

    public constructor(
        private readonly name: string,
        private readonly cluster: Cluster,
        private readonly random: Random,
        private readonly tally: Tally,
        rests: boolean,
    ) {
        this.browsers = Array.from({ length: random.chance(0.5) ? 1 : 2 }, () => new Browser());
        const { processes } = cluster.setup;
        const { answerTimeoutMs } = cluster.options;
        const options = { browsers: this.browsers.length, processes, answerTimeoutMs, rests };
        this.planner = new Planner(random, name, options);
        this.wiped = cluster.wipes.length;
    }

    /** Lives on until its time is over, it knows too little, or something is wrong; gives that. */
    public async live(isStopped: () => boolean): Promise<string | undefined> {
        for (let window = 0; window < LONGEST_LIFE && !isStopped(); window += 1) {
            const { plans, restMs } = this.planner.window();
            if (restMs > 0) {
                await sleep(restMs);
            }
            const sent = await Promise.all(
                plans.map(async (plan) => {
                    await sleep(plan.delay);
                    return this.send(plan.browser, plan);
                }),
            );
            const calls = sent.filter((call) => call !== undefined);
            for (const browser of this.browsers.keys()) {
                const seen = await this.look(browser);
                if (!seen) {
                    return undefined; // nobody answers at all
                }
                calls.push(seen);
            }
            await Promise.all([...new Set(calls.map(({ process }) => process))].map((process) => process.settled()));
            if (clock() - this.started > LONGEST_MS) {
                return undefined; // sessions that nobody used since may have expired
            }
            const wrong = await this.judge(calls, window);
            if (wrong !== undefined) {
                return wrong;
            }
            if (this.states.length === 0 || !this.knowsEnough(window)) {
                return undefined;
            }
        }
        return undefined;
    }

    private send(browser: number, plan: Parameters<Browser['send']>[0]): Promise<Call | undefined> {
        const { process, place } = this.cluster.process(plan.process);
        return (this.browsers[browser] as Browser).send(plan, process, place);
    }

    /** What is there after all requests of a window; who is not answered asks again. */
    private async look(browser: number): Promise<Call | undefined> {
        for (let attempt = 0; attempt < LOOK_TRIES; attempt += 1) {
            const call = await this.send(browser, look(browser, this.random.between(0, 7)));
            if (call?.status !== undefined && call.status !== 503) {
                return call;
            }
            const wrong = call && this.faultOf(call);
            if (wrong) {
                return call;
            }
            await sleep(50);
        }
        return undefined;
    }

    private async judge(calls: readonly Call[], window: number): Promise<string | undefined> {
        const { cluster, tally } = this;
        const now = clock();
        const wipes = cluster.wipes.slice(this.wiped).filter(({ from }) => from <= now);
        await Promise.all(wipes.map(({ done }) => done));
        this.wiped += wipes.length;
        tally.windows += 1;
        for (const call of calls) {
            tally.requests += 1;
            tally.statuses[call.status ?? 0] = (tally.statuses[call.status ?? 0] ?? 0) + 1;
            this.open.set(call.id, { call, window });
            this.hasMissed ||= call.headersAt === undefined;
        }
        const before = this.states;
        const faults = calls.map((call) => this.faultOf(call)).filter((fault) => fault !== undefined);
        if (faults.length > 0) {
            return this.report(before, calls, wipes, faults);
        }
        const known = new Map([...this.open].map(([id, { call }]) => [id, call]));
        const verdict = explain(before, known, calls, wipes, cluster.options);
        if (verdict.kind === 'wrong') {
            return this.report(before, calls, wipes, verdict.why);
        }
        if (verdict.kind === 'unknown') {
            tally.unknown += 1;
            this.states = [];
            return undefined;
        }
        this.states = verdict.states;
        this.countStrays();
        return undefined;
    }

    /** What is wrong with an answer whatever came before it. */
    private faultOf(call: Call): string | undefined {
        const { status = 0, from, id, plan } = call;
        if (status === 500) {
            return `request #${id}: it was answered 500: ${call.body.slice(0, 300)}`;
        }
        if (status !== 503) {
            return this.needlessCookie(call);
        }
        const until = call.headersAt ?? clock();
        const { lockTimeoutMs, storeTimeoutMs, answerTimeoutMs } = this.cluster.options;
        const least = Math.min(storeTimeoutMs, answerTimeoutMs, plan.exclusive ? lockTimeoutMs : storeTimeoutMs);
        const hasCause = this.cluster.troubleIn(from, until) !== undefined || until - from > least * 0.9;
        return hasCause ? undefined : `request #${id}: it was answered 503 without a cause: ${call.body.slice(0, 300)}`;
    }

    /** The browser has this cookie, and most of its life is left. */
    private needlessCookie({ id, sent, cookie, from, headersAt = clock(), plan }: Call): string | undefined {
        this.setsMaxAge ||= plan.ops.some(({ op }) => op === 'maxAge');
        const before = sent ? this.cookies.get(sent) : undefined;
        if (sent) {
            this.cookies.set(sent, { from, until: headersAt });
        }
        // Requests at the same time may each be the one that sends it.
        const isAgain = sent === cookie && before !== undefined && from > before.until;
        const isNeedless = isAgain && headersAt - before.from < COOKIE_MS * 0.04;
        return isNeedless && !this.setsMaxAge
            ? `request #${id}: the cookie was sent once more, without need`
            : undefined;
    }

    /** Requests whose end is not known may still do something: with too many of them, nothing is certain. */
    private knowsEnough(window: number): boolean {
        const running = new Set(this.states.flatMap(({ runs }) => runs.map(({ call }) => call)));
        let oldest = window;
        for (const [id, { call, window: sentIn }] of this.open) {
            if (!running.has(id)) {
                this.open.delete(id);
                call.process.forget(id);
            } else {
                oldest = Math.min(oldest, sentIn);
            }
        }
        return this.open.size <= MOST_DOUBTS && window - oldest < LONGEST_DOUBT;
    }

    /** Not the fault of a server, when the answers came in another order than they were sent in. */
    private countStrays(): void {
        if (this.hasMissed) {
            return;
        }
        for (const browser of this.browsers) {
            const isStray = this.states.every(({ ids, sessions }) => {
                const stored = browser.holds === undefined ? undefined : sessions[ids[browser.holds] ?? ''];
                const next = stored?.to === undefined ? undefined : sessions[stored.to];
                return next?.live === true;
            });
            this.tally.strays += isStray ? 1 : 0;
        }
    }

    /** What was known before the window, and what happened in it. */
    private report(
        before: readonly State[],
        calls: readonly Call[],
        wipes: readonly { from: number; until: number }[],
        why: readonly string[],
    ): string {
        if (process.env['DUMP']) {
            const all = [...this.open.values()].map(({ call }) => ({
                ...call,
                process: { deadAt: call.process.deadAt },
            }));
            writeFileSync(
                `${process.env['DUMP']}/${this.cluster.setup.name}-${this.name}.json`,
                JSON.stringify({
                    before,
                    all,
                    fresh: calls.map(({ id }) => id),
                    wipes: wipes.map(({ from, until }) => ({ from, until })),
                    options: this.cluster.options,
                }),
            );
        }
        const start = Math.min(...calls.map(({ from }) => from));
        const names = new Map(before.flatMap(({ ids }) => Object.entries(ids)));
        const name = (id: string | undefined) => (id === undefined ? 'none' : (names.get(id) ?? `${id.slice(0, 6)}…`));
        const at = (time: number | undefined) => (time === undefined ? '?' : (time - start).toFixed(1));
        const lines = [`visitor ${this.name}, ${Math.round((start - this.started) / 1000)} s after its first request:`];
        for (const [index, state] of before.slice(0, 4).entries()) {
            lines.push(`  known before${before.length > 1 ? ` (${index + 1} of ${before.length})` : ''}:`);
            for (const [each, { live, data, user, reason, to, from, until }] of Object.entries(state.sessions)) {
                const end = `${reason}${to ? ` → ${to}` : ''} at ${at(from)}…${at(until)}`;
                lines.push(`    ${each}: ${live ? `${tell(data)}${user ? ` of ${user}` : ''}` : end}`);
            }
            for (const run of state.runs) {
                lines.push(
                    `    request #${run.call} may go on${run.ghost ? ' with what it was told failed' : ''}: step ${run.step}, ${run.mode}`,
                );
            }
        }
        const older = [...this.open.values()].map(({ call }) => call).filter((call) => !calls.includes(call));
        for (const { from, until } of wipes) {
            lines.push(`  ${at(from)}…${at(until)} ms: the store forgets all`);
        }
        for (const call of [...older, ...calls].sort((one, other) => one.from - other.from)) {
            const { plan, facts, status, sent } = call;
            const kind = `${plan.exclusive ? 'exclusive ' : ''}${plan.page ? 'page ' : ''}${plan.ending}`;
            const end =
                status ??
                (call.abortedAt === undefined ? `no answer (${call.failure})` : `aborted at ${at(call.abortedAt)}`);
            const cookie = sent === undefined ? '' : sent === '' ? ', cookie cleared' : `, cookie ${name(sent)}`;
            lines.push(
                `  #${call.id} ${at(call.from)}…${at(call.until ?? call.headersAt)} ms, browser ${plan.browser}, process ${call.place}${call.process.deadAt === undefined ? '' : ` (ended at ${at(call.process.deadAt)})`}, cookie ${name(call.cookie)}, ${kind}: ${end}${cookie}`,
                `      arrived ${at(facts.arrived)}, turn ${at(facts.turn)}, answered ${at(facts.answered)}${facts.thrown === undefined ? '' : ` with the error ${facts.thrown}`}`,
                ...plan.ops.map((op, index) => {
                    const fact = facts.ops[index];
                    const seen = fact ? `${at(fact.from)}…${at(fact.until)} ${tell(fact.seen)}` : 'not heard of';
                    return `      ${tell(op)}: ${seen}`;
                }),
            );
        }
        lines.push('  what does not fit:', ...why.slice(0, 12).map((each) => `    ${each}`));
        return lines.join('\n');
    }
}
