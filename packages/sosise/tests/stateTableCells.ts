/**
 * The table of all cells: for each operation, what comes of it, and the situations in which it does. The same on all drivers.
 *
 * An outcome is the status, the cookie in the answer (`-` for none, `same`, `newer`: the one that the event gave, `new`, or
 * `cleared`), and what the visitor's session holds afterwards. A situation is what another request of the same visitor does,
 * and when: `before` the session is looked up, `between` that and the operation, or `after` the operation and before the
 * headers leave. `none`: the visitor has no session; `live`: one that nothing happens to.
 */
export const EXPECTED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    read: {
        '200 -: nothing':
            'none, regenerate before/between/after, destroy before/between/after, revoke before/between/after, expire before/between/after',
        '200 -: cart': 'live, migrate before/between/after',
        '200 -: cart, event': 'change before/between/after',
        '200 -: cart, user 7': 'login before/between/after',
    },
    change: {
        '200 new: op': 'none, destroy before, revoke before, expire before',
        '200 -: cart, op': 'live',
        '200 -: cart, event, op': 'change before/between/after',
        '409 -: cart': 'migrate before/between/after',
        '409 -: cart, user 7': 'login before/between/after',
        '409 -: nothing':
            'regenerate before/between/after, destroy between/after, revoke between/after, expire between/after',
    },
    increment: {
        '200 new: op': 'none, destroy before, revoke before, expire before',
        '200 -: cart, op': 'live',
        '200 -: cart, event, op': 'change before/between/after',
        '409 -: cart': 'migrate before/between/after',
        '409 -: cart, user 7': 'login before/between/after',
        '409 -: nothing':
            'regenerate before/between/after, destroy between/after, revoke between/after, expire between/after',
    },
    pull: {
        '200 -: nothing': 'none, live, regenerate before, destroy before, revoke before, expire before',
        '200 -: event': 'change before/between/after',
        '200 -: cart': 'migrate before',
        '200 -: cart, user 7': 'login before',
        '409 -: cart': 'migrate between/after',
        '409 -: cart, user 7': 'login between/after',
        '409 -: nothing': 'regenerate between/after, destroy between/after, revoke between/after, expire between/after',
    },
    save: {
        '200 new: op': 'none, destroy before, revoke before, expire before',
        '200 -: cart, op': 'live, migrate after',
        '200 -: cart, event, op': 'change before/between/after',
        '409 -: cart': 'migrate before/between',
        '409 -: cart, user 7': 'login before/between',
        '409 -: nothing': 'regenerate before/between, destroy between, revoke between, expire between',
        '200 -: cart, op, user 7': 'login after',
        '200 -: nothing': 'regenerate after, destroy after, revoke after, expire after',
    },
    'save, reload': {
        '200 new: op': 'none, destroy before, revoke before, expire before',
        '200 -: cart, op': 'live, migrate after',
        '200 -: cart, event, op': 'change before/between/after',
        '409 -: cart': 'migrate before/between',
        '409 -: cart, user 7': 'login before/between',
        '409 -: nothing': 'regenerate before/between, destroy between, revoke between, expire between',
        '200 -: cart, op, user 7': 'login after',
        '200 -: nothing': 'regenerate after, destroy after, revoke after, expire after',
    },
    reload: {
        '200 -: nothing':
            'none, regenerate before/between/after, destroy before/between/after, revoke before/between/after, expire before/between/after',
        '200 -: cart': 'live, migrate before/between/after',
        '200 -: cart, event': 'change before/between/after',
        '200 -: cart, user 7': 'login before/between/after',
    },
    regenerate: {
        '200 new: nothing':
            'none, live, change before/between/after, migrate before/between/after, login before/between/after, regenerate before/between/after, destroy before/between/after, revoke before/between/after, expire before/between/after',
    },
    migrate: {
        '200 new: nothing': 'none, destroy before, revoke before, expire before',
        '200 new: cart': 'live, change after, migrate after, login after, regenerate after, expire after',
        '200 new: cart, event': 'change before/between',
        '200 -: cart': 'migrate before/between',
        '200 -: cart, user 7': 'login before/between',
        '200 -: nothing': 'regenerate before/between, destroy between/after, revoke between/after, expire between',
    },
    login: {
        '200 new: user 7': 'none, regenerate before/between, destroy before, revoke before, expire before/between',
        '200 new: cart, user 7': 'live, change after, migrate after, regenerate after, expire after',
        '200 new: cart, event, user 7': 'change before/between',
        '409 -: cart': 'migrate before/between',
        '200 newer: cart, user 7': 'login before/between/after',
        '401 -: nothing': 'destroy between, revoke between',
        '200 -: nothing': 'destroy after, revoke after',
    },
    'login as another': {
        '200 new: user 8':
            'none, login before/between, regenerate before/between, destroy before, revoke before, expire before/between',
        '200 new: cart, user 8': 'live, change after, migrate after, regenerate after, expire after',
        '200 new: cart, event, user 8': 'change before/between',
        '409 -: cart': 'migrate before/between',
        '401 -: nothing': 'destroy between, revoke between',
        '200 -: user 7': 'login after',
        '200 -: nothing': 'destroy after, revoke after',
    },
    logout: {
        '200 -: nothing':
            'none, destroy before/between, revoke before/between, expire before/between, migrate after, regenerate after',
        '200 cleared: nothing':
            'live, change before/between, migrate before/between, login before/between, regenerate before/between, destroy after, revoke after, expire after',
        '200 -: event': 'change after',
        '200 -: user 7': 'login after',
    },
    destroy: {
        '200 -: nothing':
            'none, destroy before/between, revoke before/between, expire before/between, migrate after, regenerate after',
        '200 cleared: nothing':
            'live, change before/between, migrate before/between, login before/between, regenerate before/between, destroy after, revoke after, expire after',
        '200 -: event': 'change after',
        '200 -: user 7': 'login after',
    },
    'set to null': {
        '200 -: nothing':
            'none, destroy before/between/after, revoke before/between/after, expire before/between/after',
        '200 cleared: nothing':
            'live, change before/between/after, migrate before/between/after, login before/between/after, regenerate before/between/after',
    },
    'revoke others': {
        '200 -: nothing':
            'none, regenerate before/between/after, destroy before/between/after, revoke before/between/after, expire before/between/after',
        '200 -: cart': 'live, migrate before/between/after',
        '200 -: cart, event': 'change before/between/after',
        '200 -: cart, user 7': 'login before/between/after',
    },
    flash: {
        '200 new: flash': 'none, destroy before, revoke before, expire before',
        '200 -: cart, flash': 'live',
        '200 -: cart, event, flash': 'change before/between/after',
        '409 -: cart': 'migrate before/between/after',
        '409 -: cart, user 7': 'login before/between/after',
        '409 -: nothing':
            'regenerate before/between/after, destroy between/after, revoke between/after, expire between/after',
    },
    csrfToken: {
        '200 new: nothing': 'none, destroy before, revoke before, expire before',
        '200 -: cart': 'live, migrate before/between/after',
        '200 -: cart, event': 'change before/between/after',
        '200 -: cart, user 7': 'login before/between/after',
        '200 -: nothing':
            'regenerate before/between/after, destroy between/after, revoke between/after, expire between/after',
    },
    'exclusive change': {
        '200 new: op': 'none, destroy before, revoke before, expire before',
        '200 -: cart, op': 'live',
        '200 -: cart, event, op': 'change before/between/after',
        '409 -: cart': 'migrate before/between/after',
        '409 -: cart, user 7': 'login before/between/after',
        '409 -: nothing':
            'regenerate before/between/after, destroy between/after, revoke between/after, expire between/after',
    },
    touch: {
        '200 -: nothing':
            'none, regenerate before/between/after, destroy before/between/after, revoke before/between/after, expire before/between/after',
        '200 same: cart': 'live',
        '200 same: cart, event': 'change before/between/after',
        '200 -: cart': 'migrate before/between/after',
        '200 -: cart, user 7': 'login before/between/after',
    },
    'end of a stream': {
        '200 -: nothing': 'none, destroy before, revoke before, expire before',
        '200 -: cart, op': 'live',
        '200 -: cart, event, op': 'change before/between/after',
        'broken off -: cart': 'migrate before/between/after',
        'broken off -: cart, user 7': 'login before/between/after',
        'broken off -: nothing':
            'regenerate before/between/after, destroy between/after, revoke between/after, expire between/after',
    },
};
