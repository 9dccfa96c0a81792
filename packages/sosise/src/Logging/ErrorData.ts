/** What is logged of an error, and nothing else: other properties may hold requests, headers or secrets. */
export class ErrorData {
    public name = 'Error';
    public message = '';
    public code?: string | number;
    /** Of the framework's own: `E_PORT_IN_USE`. */
    public errorCode?: string;
    /** Only at level error and above. */
    public stack?: string;
    public cause?: unknown;
    /** The parts of an AggregateError. */
    public errors?: unknown[];
}
