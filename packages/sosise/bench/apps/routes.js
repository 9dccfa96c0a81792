// The routes that all apps serve. What they answer tells the load client whether the session was right.

const BYTES = Number(process.env.BENCH_BYTES ?? 1024);

/** A visitor's data of about BENCH_BYTES of JSON, nested as real ones are. Made with little work, which is not measured. */
export function visitor({ user, name, email }) {
    return {
        user: Number(user),
        count: 0,
        name,
        email,
        note: '',
        roles: ['customer', 'newsletter'],
        settings: { language: 'en', currency: 'EUR', theme: 'dark' },
        cart: CART,
    };
}

const CART = [];
const SOMEBODY = { user: 100, name: 'Visitor 100', email: 'visitor-100@example.com' };
while (JSON.stringify(visitor(SOMEBODY)).length < BYTES - 80) {
    CART.push({ sku: `item-${CART.length}`, title: 'A thing in the cart', quantity: 2, price: 1999 });
}

/** What a form or JSON says is done to the session. */
export function change(session, { add, note }) {
    session.count += Number(add);
    session.note = note;
}

export const PLAIN = { code: 1000, message: 'plain', data: null };

export function answerOf({ user = null, count = null }) {
    return { code: 1000, message: 'session', data: { user, count } };
}

export function addRoutes(router) {
    router.get('/plain', (_request, response) => {
        response.json(PLAIN);
    });

    router.post('/new', (request, response) => {
        Object.assign(request.session, visitor(request.body));
        response.json(answerOf(request.session));
    });

    router.get('/read', (request, response) => {
        response.json(answerOf(request.session));
    });

    router.post('/change', (request, response) => {
        change(request.session, request.body);
        response.json(answerOf(request.session));
    });
}
