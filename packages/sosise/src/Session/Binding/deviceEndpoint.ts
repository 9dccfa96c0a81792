import type { Request, RequestHandler, Response } from 'express';
import { isOwnOrigin } from '../../Http/ownOrigin.js';
import type { SessionCookie } from '../Cookie/SessionCookie.js';
import type { SessionEventChannels } from '../Events/channels.js';
import type { Login } from '../Record/SessionRecord.js';
import type { RecordKey } from '../Record/storageKeys.js';
import { firstAlive } from '../Repository/firstAlive.js';
import type { LoadedSession } from '../Repository/LoadedSession.js';
import type { SessionRepository } from '../Repository/SessionRepository.js';
import type { DeviceBinding } from './DeviceBinding.js';
import { type DeviceProof, isSignedBy, keyIn, readProof } from './deviceProof.js';

interface Layer {
    readonly cookie: SessionCookie;
    readonly repository: SessionRepository;
    readonly events: SessionEventChannels;
}

/** The session that a request's cookie names, and the login that was offered a binding. */
interface Offered {
    readonly key: RecordKey;
    readonly session: LoadedSession;
    readonly login: Login;
}

/** The draft has quoted strings; Chromium sends what is in them. Parameters count for nothing. */
const HEADER = /^(?:"([\w.-]+)"|([\w.-]+))(?:;.*)?$/;
/** Makes the browser answer a challenge, and keep what it has. */
const CHALLENGED = 403;
/** Makes it forget the binding: its user logs in again. */
const REFUSED = 401;

/**
 * Where browsers register the key of a login, and renew the cookie that proves it. It stands before the session stage: nothing
 * here counts as a visit, and each success is one write, beside those of the requests that run meanwhile.
 */
export function deviceEndpoint(binding: DeviceBinding, layer: Layer): RequestHandler {
    return function deviceSession(request, response, next) {
        if (request.originalUrl !== binding.path || request.method !== 'POST') {
            next();
            return;
        }
        answer(request, response).catch(next);
    };

    async function answer(request: Request, response: Response): Promise<void> {
        response.setHeader('Cache-Control', 'no-store');
        const offered = isOtherPages(request) ? undefined : await offeredBy(request, layer);
        const id = textOf(request, 'sec-secure-session-id');
        const proof = readProof(textOf(request, 'secure-session-response') ?? '');
        if (!offered || (proof && !isFor(proof.audience, binding.path, request))) {
            response.status(REFUSED).end();
        } else if ('sec-secure-session-id' in request.headers) {
            await refresh(request, response, offered, id, proof);
        } else {
            await register(request, response, offered, proof);
        }
        if (offered && response.statusCode === REFUSED) {
            const { key, login } = offered;
            const origin = { request, address: request.ip };
            layer.events.refused?.emit({ key, user: login.user, reason: 'device' }, origin);
        }
    }

    async function register(
        request: Request,
        response: Response,
        { key, session, login }: Offered,
        proof: DeviceProof | undefined,
    ): Promise<void> {
        const isFresh = proof && binding.issuedAt('registration', proof.challenge, login) !== undefined;
        const deviceKey = isFresh ? keyIn(proof) : undefined;
        const isProved = proof && deviceKey !== undefined && isSignedBy(proof, deviceKey);
        const changed =
            isProved &&
            (await layer.repository.changeLogin(key, session, (now) =>
                // A binding is for good: who has the cookie can't put another device in its place.
                now.binding === login.binding && now.deviceKey === undefined ? { ...now, deviceKey } : undefined,
            ));
        succeed(request, response, changed ? changed.record.login : undefined);
    }

    async function refresh(
        request: Request,
        response: Response,
        { key, session, login }: Offered,
        id: string | undefined,
        proof: DeviceProof | undefined,
    ): Promise<void> {
        const { deviceKey } = login;
        if (deviceKey === undefined || id !== login.binding) {
            response.status(REFUSED).end();
            return;
        }
        if (!('secure-session-response' in request.headers)) {
            challenge(response, login);
            return;
        }
        const issued = proof && binding.issuedAt('refresh', proof.challenge, login);
        if (proof && issued === undefined) {
            challenge(response, login); // too old, or another's
            return;
        }
        // The draft has no key in these: what is signed is checked by the key that is stored, and by no other.
        if (!proof || issued === undefined || proof.jwk !== undefined || !isSignedBy(proof, deviceKey)) {
            response.status(REFUSED).end();
            return;
        }
        const changed = await layer.repository.changeLogin(key, session, (now) =>
            now.binding === login.binding && now.deviceKey === deviceKey && issued > (now.proved ?? 0)
                ? { ...now, proved: issued }
                : undefined,
        );
        if (changed) {
            succeed(request, response, changed.record.login);
        } else {
            challenge(response, login); // answered before, or by a newer one; the next try finds a session that has ended
        }
    }

    function challenge(response: Response, login: Login): void {
        const next = binding.challenge('refresh', login);
        response.setHeader('Secure-Session-Challenge', `"${next}";id="${login.binding}"`);
        response.status(CHALLENGED).end();
    }

    function succeed(request: Request, response: Response, login: Login | undefined): void {
        if (!login) {
            response.status(REFUSED).end();
            return;
        }
        const isSecure = layer.cookie.isSecure(request);
        response.appendHeader('Set-Cookie', binding.prove(login, isSecure));
        response.json(binding.instructions(login, isSecure));
    }
}

/**
 * One that has got a new id meanwhile is followed: what is given here is worth nothing without that id, and the browser would
 * take a refusal for the end.
 */
async function offeredBy(request: Request, { cookie, repository }: Layer): Promise<Offered | undefined> {
    const named = await firstAlive(repository, cookie.carriedBy(request)?.ids);
    const found = named && repository.open(named.key, await repository.find(named.id, named.key));
    const live =
        named && found?.kind === 'live'
            ? { key: named.key, session: found }
            : found?.kind === 'ended'
              ? await repository.successorOf(named?.key ?? '')
              : undefined;
    const login = live?.session.record.login;
    return live && login?.binding !== undefined ? { ...live, login } : undefined;
}

/** Browsers send these by themselves, and name no page; those of another origin can't do it for them. */
function isOtherPages(request: Request): boolean {
    const { origin, 'sec-fetch-site': site } = request.headers;
    const isOwnSite = site === undefined || site === 'same-origin' || site === 'none';
    return !isOwnSite || (origin !== undefined && !isOwnOrigin(origin, request));
}

/** The draft has no audience any more: a proof that names one is taken only if it is meant for here. */
function isFor(audience: unknown, path: string, request: Request): boolean {
    if (audience === undefined) {
        return true;
    }
    const url = typeof audience === 'string' && URL.canParse(audience) ? new URL(audience) : undefined;
    return url !== undefined && url.pathname === path && isOwnOrigin(url.origin, request);
}

function textOf({ headers }: Request, name: string): string | undefined {
    const [, quoted, bare] = HEADER.exec(String(headers[name] ?? '')) ?? [];
    return quoted ?? bare;
}
