/** A sausage on its way. */
export const LOGO =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><g fill="none" stroke-linecap="round">' +
    '<path d="M14 25C16 47 38 52 50 41" stroke="#c2410c" stroke-width="19"/>' +
    '<path d="M14 25C16 47 38 52 50 41" stroke="#f97316" stroke-width="14"/>' +
    '<path d="M15 22c1 10 6 16 13 18.5" stroke="#fed7aa" stroke-width="3.5"/>' +
    '<path d="M12 10l2 6M54 30l-2 4" stroke="#c2410c" stroke-width="4"/></g></svg>';
