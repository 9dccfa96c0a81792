import { Request, Response } from 'express';

export default class IndexController {
    public async index(request: Request, response: Response) {
        return response.json({
            code: 1000,
            message: 'Sosise Skeleton is running',
            data: null,
        });
    }
}
