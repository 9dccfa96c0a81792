import { once } from 'node:events';
import { createServer, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import * as inside from './helpers/inside/Http.js';

/** Headers that are set without Node.js's checks are its own in all else. */

const setType = inside.validHeaders('Content-Type');
const setBoth = inside.validHeaders('X-Frame-Options', 'Referrer-Policy');
const setSafety = (response: ServerResponse) => setBoth(response, 'DENY', 'same-origin');

async function answerOf(answer: (response: ServerResponse) => void): Promise<Response> {
    let failure: unknown;
    const server = createServer((_request, response) => {
        try {
            answer(response);
        } catch (error) {
            failure = error;
        }
        response.end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const answered = await fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } });
    if (failure) {
        throw failure;
    }
    return answered;
}

test('they are sent, and read as any others', async () => {
    const { headers } = await answerOf((response) => {
        setSafety(response);
        setType(response, 'text/plain');
        expect(response.getHeaderNames()).toEqual(['x-frame-options', 'referrer-policy', 'content-type']);
        expect(response.getHeaders()).toMatchObject({ 'x-frame-options': 'DENY' });
        expect(response.getHeader('content-type')).toBe('text/plain');
        expect(response.hasHeader('X-FRAME-OPTIONS')).toBe(true);
        expect(response.hasHeader('constructor')).toBe(false);
    });
    expect(Object.fromEntries(headers)).toMatchObject({
        'x-frame-options': 'DENY',
        'referrer-policy': 'same-origin',
        'content-type': 'text/plain',
    });
});

test('a later one takes the place of an earlier one, whoever set which', async () => {
    const { headers } = await answerOf((response) => {
        response.setHeader('x-frame-options', 'SAMEORIGIN');
        setType(response, 'text/html');
        setSafety(response);
        response.setHeader('content-type', 'text/plain');
        response.setHeader('referrer-policy', 'no-referrer');
    });
    expect(Object.fromEntries(headers)).toMatchObject({
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'content-type': 'text/plain',
    });
});

test('they can be removed and added to, without a trace in the next answer', async () => {
    const changed = await answerOf((response) => {
        setSafety(response);
        response.removeHeader('Referrer-Policy');
        response.appendHeader('X-Frame-Options', 'more');
    });
    expect(changed.headers.get('referrer-policy')).toBeNull();
    expect(changed.headers.get('x-frame-options')).toBe('DENY, more');

    const next = await answerOf(setSafety);
    expect(next.headers.get('referrer-policy')).toBe('same-origin');
    expect(next.headers.get('x-frame-options')).toBe('DENY');
});

test.each([
    ['before the framework was loaded', true],
    ['later', false],
])('who has put a function in the place of every setHeader() hears of them: %s', async (_when, isFirst) => {
    const heard = vi.spyOn(ServerResponse.prototype, 'setHeader');
    onTestFinished(() => heard.mockRestore());
    if (isFirst) {
        vi.resetModules();
    }
    const { validHeaders } = isFirst ? await import('./helpers/inside/Http.js') : inside;
    await answerOf((response) => {
        heard.mockClear();
        validHeaders('Content-Type')(response, 'text/plain');
        expect(heard.mock.calls).toEqual([['Content-Type', 'text/plain']]);
    });
});

test("who has put a function in the place of an answer's setHeader() hears of them", async () => {
    await answerOf((response) => {
        const heard = vi.spyOn(response, 'setHeader');
        setSafety(response);
        setType(response, 'text/plain');
        expect(heard.mock.calls).toEqual([
            ['X-Frame-Options', 'DENY'],
            ['Referrer-Policy', 'same-origin'],
            ['Content-Type', 'text/plain'],
        ]);
    });
});

test('an agent whose setHeader() asks more of an answer than there is before a request does not stop the start', async () => {
    const { setHeader } = ServerResponse.prototype;
    const agent = vi.spyOn(ServerResponse.prototype, 'setHeader').mockImplementation(function (
        this: ServerResponse,
        ...args
    ) {
        void this.req.socket.remoteAddress;
        return setHeader.apply(this, args);
    });
    onTestFinished(() => agent.mockRestore());
    vi.resetModules();
    await import('./helpers/inside/Http.js');
    expect(agent).not.toHaveBeenCalled();
});

test('after the headers have left they are refused', async () => {
    await answerOf((response) => {
        response.flushHeaders();
        expect(() => setSafety(response)).toThrow('Cannot set headers after they are sent');
        expect(() => setType(response, 'text/plain')).toThrow('Cannot set headers after they are sent');
    });
});
