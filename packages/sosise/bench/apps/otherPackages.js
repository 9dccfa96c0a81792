// The other packages that the skeleton uses, loaded and set up as a hand-wired app would: for comparing boot and memory.
import { join } from 'node:path';
import cors from 'cors';
import { config } from 'dotenv';
import express from 'express';
import helmet from 'helmet';
import winston from 'winston';

config({ quiet: true });
const { Console, File } = winston.transports;
winston.createLogger({
    transports: [new Console(), new File({ filename: join(process.env.BENCH_FOLDER, 'hand-wired.log') })],
});
express().use(helmet(), cors(), express.json(), express.urlencoded({ extended: false }));
