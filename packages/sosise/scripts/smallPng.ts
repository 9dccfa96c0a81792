import { crc32, deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const MOST_COLOURS = 256;

/** A screenshot of Chromium with 256 colours at the most: a third of the bytes, for pages of text and even surfaces. */
export function smallPng(png: Buffer): Buffer {
    const chunks = chunksOf(png);
    const header = chunks.find(({ type }) => type === 'IHDR')?.data as Buffer;
    const [width, height, channels] = [header.readUInt32BE(0), header.readUInt32BE(4), header[9] === 6 ? 4 : 3];
    const data = Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map((chunk) => chunk.data));
    const pixels = unfiltered(inflateSync(data), width * channels, channels);
    const colours = Array.from({ length: width * height }, (_, at) => pixels.readUIntBE(at * channels, 3));
    const palette = paletteOf(colours);
    const rows = Buffer.alloc((width + 1) * height); // each begins with a 0: not filtered
    for (const [at, colour] of colours.entries()) {
        rows[at + Math.floor(at / width) + 1] = palette.indexOf(colour);
    }
    const indexed = Buffer.from(header);
    indexed[9] = 3;
    const entries = Buffer.from(palette.colours.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
    const parts = [chunk('IHDR', indexed), chunk('PLTE', entries), chunk('IDAT', deflateSync(rows, { level: 9 }))];
    return Buffer.concat([SIGNATURE, ...parts, chunk('IEND', Buffer.alloc(0))]);
}

/** The most frequent colours; each other one becomes the one of them that is nearest. */
function paletteOf(all: readonly number[]): { colours: number[]; indexOf(colour: number): number } {
    const counts = new Map<number, number>();
    for (const colour of all) {
        counts.set(colour, (counts.get(colour) ?? 0) + 1);
    }
    const frequent = [...counts].sort(([, one], [, other]) => other - one).map(([colour]) => colour);
    const colours = frequent.slice(0, MOST_COLOURS);
    const indexes = new Map(frequent.map((colour) => [colour, nearest(colour, colours)]));
    return { colours, indexOf: (colour) => indexes.get(colour) as number };
}

function nearest(colour: number, colours: readonly number[]): number {
    const distances = colours.map((other) =>
        [16, 8, 0].reduce((sum, bits) => sum + (((colour >> bits) & 255) - ((other >> bits) & 255)) ** 2, 0),
    );
    return distances.indexOf(Math.min(...distances));
}

/** The bytes of the pixels, of which a PNG has the differences to their neighbours. */
function unfiltered(rows: Buffer, length: number, channels: number): Buffer {
    const height = rows.length / (length + 1);
    const pixels = Buffer.alloc(length * height);
    for (let row = 0; row < height; row += 1) {
        const filter = rows[row * (length + 1)];
        for (let at = 0; at < length; at += 1) {
            const to = row * length + at;
            const left = at < channels ? 0 : (pixels[to - channels] as number);
            const above = row === 0 ? 0 : (pixels[to - length] as number);
            const corner = at < channels || row === 0 ? 0 : (pixels[to - length - channels] as number);
            const guess = [0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter as number] as number;
            pixels[to] = (rows[row * (length + 1) + 1 + at] as number) + guess;
        }
    }
    return pixels;
}

function paeth(left: number, above: number, corner: number): number {
    const [toLeft, toAbove] = [Math.abs(above - corner), Math.abs(left - corner)];
    const toCorner = Math.abs(left + above - 2 * corner);
    return toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner;
}

function chunksOf(png: Buffer): { type: string; data: Buffer }[] {
    const chunks: { type: string; data: Buffer }[] = [];
    for (let at = SIGNATURE.length; at < png.length; ) {
        const length = png.readUInt32BE(at);
        chunks.push({ type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
        at += length + 12;
    }
    return chunks;
}

function chunk(type: string, data: Buffer): Buffer {
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    const content = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(content));
    return Buffer.concat([length, content, sum]);
}
