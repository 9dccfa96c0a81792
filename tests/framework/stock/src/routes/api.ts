import { Router } from 'express';
import IndexController from '../app/Http/Controllers/IndexController.js';
import { action } from '../framework/index.js';

const router = Router();

router.get('/', action(IndexController, 'index'));

export default router;
