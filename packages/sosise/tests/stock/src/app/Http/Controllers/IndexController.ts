import { Request, Response } from 'express';
import { welcome } from 'sosise';

export default class IndexController {
    /** A browser gets the welcome page, every other client JSON. */
    public async index(request: Request, response: Response) {
        const json = () => response.json({ code: 1000, message: 'Sosise Skeleton is running', data: null });
        return response.format({ json, html: () => welcome(request, response), default: json });
    }
}
