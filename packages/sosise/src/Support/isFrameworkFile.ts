/** In a clone, in what it builds, and in an application that has installed the packed framework. */
const FOLDERS = /[\\/](?:packages[\\/]sosise[\\/]src|build[\\/]framework|node_modules[\\/]sosise)[\\/]/;

/** Whether a path, or a line of a stack, is of the framework's own code. */
export function isFrameworkFile(place: string): boolean {
    return FOLDERS.test(place);
}
