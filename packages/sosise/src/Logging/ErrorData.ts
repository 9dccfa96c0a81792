/** What is logged of an error, and nothing else: other properties may hold requests, headers or secrets. */
export class ErrorData {
    public name = 'Error';
    public message = '';
    public code?: string | number;
    /** Only at level error and above. */
    public stack?: string;
    public cause?: unknown;
    /** The parts of an AggregateError. */
    public errors?: unknown[];
}
