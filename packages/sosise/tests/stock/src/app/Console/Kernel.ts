import type { CommandList } from 'sosise/console';

/** Your commands by name. Each is loaded when it is called. ./artisan make:command writes one. */
const commands: CommandList = {
    // 'report:send': () => import('./Commands/SendReportCommand.js'),
};

export default commands;
