// The routes that both apps serve. What they answer tells the load client whether the session was right.

const BYTES = Number(process.env.BENCH_BYTES ?? 1024);

/** A visitor's data of about BENCH_BYTES of JSON, nested as real ones are. Made with little work, which is not measured. */
export function visitor(user) {
    return {
        user,
        count: 0,
        name: `Visitor ${user}`,
        email: `visitor-${user}@example.com`,
        roles: ['customer', 'newsletter'],
        settings: { language: 'en', currency: 'EUR', theme: 'dark' },
        cart: CART,
    };
}

const CART = [];
while (JSON.stringify(visitor(100)).length < BYTES - 80) {
    CART.push({ sku: `item-${CART.length}`, title: 'A thing in the cart', quantity: 2, price: 1999 });
}

export function addRoutes(router) {
    router.get('/plain', (_request, response) => {
        response.json({ code: 1000, message: 'plain', data: null });
    });

    // Both give a session to a visitor without one: the first fills the sessions that are measured later.
    for (const path of ['/fill', '/new']) {
        router.get(path, (request, response) => {
            Object.assign(request.session, visitor(Number(request.query.user)));
            answer(request, response);
        });
    }

    router.get('/read', answer);

    router.get('/change', (request, response) => {
        request.session.count += 1;
        answer(request, response);
    });
}

function answer(request, response) {
    const { user = null, count = null } = request.session;
    response.json({ code: 1000, message: 'session', data: { user, count } });
}
