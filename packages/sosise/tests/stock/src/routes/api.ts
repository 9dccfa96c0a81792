import { Router } from 'express';
import { action } from 'sosise';
import IndexController from '../app/Http/Controllers/IndexController.js';

const router = Router();

router.get('/', action(IndexController, 'index'));

export default router;
