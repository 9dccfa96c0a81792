import { normalize, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One line of a stack. */
export interface Frame {
    /** What was called, as Node.js names it; empty where it has no name. */
    readonly call: string;
    /** Where, for people: `src/routes/api.ts:7:12`. */
    readonly place: string;
    /** The absolute path, where the frame is in a file. */
    readonly file?: string;
    readonly line: number;
    readonly column: number;
    /** Whether the file is the user's: in the project, and neither the framework's nor a package's. */
    readonly own: boolean;
    /** Whether it is a place in a template, which the message has named. */
    readonly isTemplate?: boolean;
}

const FRAME = /^ {4}at (?:(.+) \()?(.+?):(\d+):(\d+)\)?$/;

/** The frames of an error's stack. What its message says is none of them, however it looks. */
export function framesOf(error: Error, root: string): Frame[] {
    return callsOf(error).map((line) => {
        const [, call = '', address = '', row, column] = FRAME.exec(line) ?? [];
        const file = fileOf(address);
        if (file === undefined) {
            return { call: line.trim().replace(/^at /, ''), place: '', line: 0, column: 0, own: false };
        }
        const inside = file.startsWith(root + sep);
        const place = `${inside ? relative(root, file) : file}:${row}:${column}`;
        return { call, place, file, line: Number(row), column: Number(column), own: inside && isOwn(file) };
    });
}

/** How ejs, pug and others begin a message: with the place in the template, and lines around it; what is wrong comes last. */
const IN_TEMPLATE = /^(.+?):(\d+)(?::(\d+))?\n[\s\S]*\n\n([\s\S]*\S)/;

/** Where in a template an error was made, and its message without the place. Only files in the folder of the views count. */
export function templateFrame(
    message: string,
    root: string,
    views: string | undefined,
): { frame: Frame; message: string } | undefined {
    const [, file = '', line, column = '1', rest = ''] = IN_TEMPLATE.exec(message) ?? [];
    if (views === undefined || !normalize(file).startsWith(views + sep)) {
        return undefined;
    }
    const place = `${relative(root, file)}:${line}`;
    const frame = { call: 'the template', place, file, line: Number(line), column: Number(column), own: true };
    return { frame: { ...frame, isTemplate: true }, message: rest.trim() };
}

function callsOf(error: Error): string[] {
    const stack = String(error.stack ?? '');
    const head = stack.indexOf(String(error.message)); // after the error's name
    const rest = head < 0 ? stack : stack.slice(head + String(error.message).length);
    return rest.split('\n').filter((line) => line.startsWith('    at '));
}

function fileOf(address: string): string | undefined {
    if (address.startsWith('file://')) {
        try {
            return fileURLToPath(address.split('?')[0] as string);
        } catch {
            return undefined;
        }
    }
    return address.startsWith(sep) || /^[a-z]:\\/i.test(address) ? normalize(address) : undefined;
}

/** The framework's in a clone, and in what it builds; that of a packed one is among the packages. */
const OTHERS = /[\\/](?:packages[\\/]sosise[\\/]src|build[\\/]framework|node_modules)[\\/]/;

function isOwn(file: string): boolean {
    return !OTHERS.test(file);
}
