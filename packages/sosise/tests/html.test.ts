import { html } from 'sosise';
import { describe, expect, test } from 'vitest';

const ATTACK = `"><script>alert('x')</script>&`;
const ESCAPED = '&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;';

describe('html', () => {
    test('keeps what visitors typed text, in an element as in a quoted attribute', () => {
        expect(html`<b title="${ATTACK}">${ATTACK}</b>`.text).toBe(`<b title="${ESCAPED}">${ESCAPED}</b>`);
    });

    test('takes HTML of its own kind as it is, alone and in lists', () => {
        const items = ['tea', '<cake>'].map((name) => html`<li>${name}</li>`);
        expect(html`<ul>${items}</ul>`.text).toBe('<ul><li>tea</li><li>&lt;cake&gt;</li></ul>');
    });

    test('shows numbers, and nothing for what is not there', () => {
        expect(html`${0}|${null}|${undefined}|${false}|${[]}`.text).toBe('0||||');
    });

    test('escapes what only looks like HTML of its own, such as an object that a session gave back', () => {
        const parsed = JSON.parse(`{ "text": "${'<b>'}" }`);
        expect(html`${parsed}`.text).toBe('[object Object]');
        expect(html`${[ATTACK, [ATTACK]]}`.text).toBe(ESCAPED + ESCAPED);
    });
});
