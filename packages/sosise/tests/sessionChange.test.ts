import { expect, test } from 'vitest';
import {
    asPatch,
    bodyWith,
    combined,
    entriesIn,
    type LiveRecord,
    liveRecord,
    NO_CHANGE,
    parseRecord,
    type SessionChange,
} from './helpers/inside/Session/Record.js';

const NOW = 1_700_000_000_000;
const body = ',"cart":["tea"],"views":4,"name":"mia"';
const ours = parseRecord(
    liveRecord({ seen: NOW, created: NOW, login: undefined }, { originalMaxAge: null }, body),
    NOW,
);
const stock = parseRecord(`{"cookie":{"path":"/"}${body}}`, NOW);
const records = [ours, stock] as LiveRecord[];

const set = (values: object): SessionChange => ({
    ...NO_CHANGE,
    set: new Map(Object.entries(values).map(([key, value]) => [key, JSON.stringify(value)])),
});
const removed = (...keys: string[]): SessionChange => ({ ...NO_CHANGE, removed: new Set(keys) });
const added = (key: string, amount: number): SessionChange => ({ ...NO_CHANGE, added: new Map([[key, amount]]) });
const after = (...changes: SessionChange[]) =>
    records.map((record) => {
        const { whole = '' } = combined(record, changes);
        const one = changes.length === 1 ? bodyWith(record, changes[0] as SessionChange) : whole;
        expect(one).toBe(whole);
        return Object.fromEntries([...entriesIn(one)].map(([key, json]) => [key, JSON.parse(json)]));
    });
const becomes = (data: object) => [data, data];

test('no change leaves the stored keys as they are', () => {
    for (const record of records) {
        expect(bodyWith(record, NO_CHANGE)).toBe(body);
    }
    expect([ours, stock].map((record) => (record as LiveRecord).body)).toEqual([body, undefined]);
});

test('what is set and removed is applied to the keys that are stored by now, and no other key', () => {
    expect(after(set({ name: 'tom', new: null }))).toEqual(
        becomes({ cart: ['tea'], views: 4, name: 'tom', new: null }),
    );
    expect(after(removed('name', 'unknown'))).toEqual(becomes({ cart: ['tea'], views: 4 }));
});

test('an amount is added to the stored number; what is no number, or gone, counts as 0', () => {
    expect(after(added('views', 3))).toEqual(becomes({ cart: ['tea'], views: 7, name: 'mia' }));
    expect(after(added('new', 3))).toEqual(becomes({ cart: ['tea'], views: 4, name: 'mia', new: 3 }));
    expect(after(added('name', -1))).toEqual(becomes({ cart: ['tea'], views: 4, name: -1 }));
});

test('changes apply one after the other: the later one stays, and amounts add up', () => {
    const data = after(
        set({ name: 'tom' }),
        added('views', 1),
        removed('cart'),
        set({ name: 'ann' }),
        added('views', 2),
    );
    expect(data).toEqual(becomes({ views: 7, name: 'ann' }));
    expect(after(removed('views'), added('views', 2))).toEqual(becomes({ cart: ['tea'], name: 'mia', views: 2 }));
});

test('of several cookies the last one stays, and none where none was changed', () => {
    const cookies = [{ path: '/a' }, { path: '/b' }].map((cookie) => ({ ...NO_CHANGE, cookie }));
    expect(combined(ours as LiveRecord, [...cookies, set({ a: 1 })]).cookie).toEqual({ path: '/b' });
    expect(combined(ours as LiveRecord, [set({ a: 1 })]).cookie).toBeUndefined();
});

test('a change that meets a newer record is the same without the body that it led to', () => {
    const cookie = { path: '/a' };
    const change = { ...set({ a: 1 }), ...{ removed: new Set(['b']), added: new Map([['c', 1]]), cookie } };
    expect(asPatch({ ...change, whole: body, data: {} })).toEqual(change);
});
