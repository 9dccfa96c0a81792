/**
 * What the page does by itself: it asks for the state whenever the stream says that there is something new, and puts into
 * each region what the server has rendered. What is open stays open, and the focus stays where it was.
 */
export const INSPECTOR_SCRIPT = `
(() => {
const $ = (id) => document.getElementById(id);
const base = '/__sosise/sessions', main = document.querySelector('main'), list = $('requests');
const shown = {}, folded = new Map();
let { run, last, own } = main.dataset, asked = false, busy = false, again = false;

const put = (id, html) => {
    if (shown[id] === html) return;
    shown[id] = html;
    const region = $(id), focused = region.contains(document.activeElement) && document.activeElement.dataset;
    region.innerHTML = html;
    for (const details of region.querySelectorAll('details')) {
        if (folded.has(details.dataset.path)) details.open = folded.get(details.dataset.path);
    }
    if (focused) [...region.querySelectorAll('button')].find(({ dataset }) => dataset.do === focused.do && dataset.name === focused.name)?.focus();
};
const add = (rows) => {
    for (const row of rows) list.insertAdjacentHTML('afterbegin', row);
    while (list.children.length > 50) list.lastElementChild.remove();
    $('none').hidden = list.children.length > 0;
};
const mark = () => {
    for (const row of list.children) row.classList.toggle('mine', own !== '' && row.dataset.session === own);
};
const left = (ms) => {
    const units = [['d', 86400000], ['h', 3600000], ['min', 60000], ['s', 1000]];
    const from = units.findIndex(([, size]) => ms >= size);
    if (from < 0) return 'now';
    return units.slice(from, from + 2).map(([name, size], at) => Math.floor((at ? ms % units[from][1] : ms) / size) + ' ' + name).join(' ');
};
const tick = () => {
    for (const time of document.querySelectorAll('[data-ends]')) time.textContent = left(time.dataset.ends - Date.now());
};
const state = (text, up) => {
    if ($('state').textContent !== text) $('state').textContent = text;
    document.documentElement.classList.toggle('down', !up);
};
const look = async () => {
    again = true;
    if (busy) return;
    busy = true;
    try {
        while (again) {
            again = false;
            const query = new URLSearchParams({ run, last, stored: asked ? '1' : '' });
            const now = await (await fetch(base + '/state?' + query, { cache: 'no-store' })).json();
            asked = false;
            // Sessions were turned on or off: the page is another one.
            if (!now.figures !== !$('figures')) return location.reload();
            if (now.run !== run) list.replaceChildren();
            ({ run, last, own } = now);
            add(now.rows);
            mark();
            put('session', now.session);
            if (now.figures) put('figures', now.figures);
            if (now.stored) put('stored', now.stored);
            tick();
        }
    } catch {} // the stream says when there is somebody to ask again
    busy = false;
};

let said;
const say = (text) => {
    clearTimeout(said);
    $('said').textContent = text;
    said = setTimeout(() => { $('said').textContent = ''; }, 6000);
};
const act = async (name, fields = {}) => {
    let message = 'No answer: what does the terminal say?', ok = false;
    try {
        const response = await fetch(base + '/' + name, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(fields) });
        ({ ok } = response);
        ({ message } = await response.json());
    } catch {}
    asked = true;
    look();
    return { ok, message };
};

const dialog = $('edit'), form = dialog.querySelector('form'), wrong = $('wrong');
const edit = async (key = '') => {
    const { value, masked } = key ? await (await fetch(base + '/value?' + new URLSearchParams({ key }))).json() : { value: '' };
    form.key.value = key;
    form.key.readOnly = key !== '';
    form.value.value = value;
    wrong.textContent = masked ? 'Its value is not shown, as the key says that it is secret.' : '';
    dialog.showModal();
    (key ? form.value : form.key).focus();
};
form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const { ok, message } = await act('set', { key: form.key.value, value: form.value.value });
    if (ok) {
        dialog.close();
        say(message);
    } else wrong.textContent = message;
});
document.addEventListener('click', async ({ target }) => {
    const { do: what, name } = target.closest('button[data-do]')?.dataset ?? {};
    if (what === 'close') dialog.close();
    else if (what === 'edit') edit(name);
    else if (what === 'look') { asked = true; look(); }
    else if (what) say((await act(what, what === 'revoke' ? { fingerprint: name } : { key: name })).message);
});
document.addEventListener('toggle', ({ target }) => target.dataset?.path && folded.set(target.dataset.path, target.open), true);

const listen = () => {
    const stream = new EventSource(base + '/events');
    stream.onopen = () => state('Live', true);
    stream.onmessage = look;
    stream.onerror = () => {
        state('No answer: what does the terminal say?', false);
        if (stream.readyState === 2) setTimeout(listen, 1000);
    };
};
mark();
tick();
setInterval(tick, 1000);
listen();
})();
`.replace(/\n\s*/g, '\n');
