import { fileURLToPath } from 'node:url';
import express, { Router } from 'express';
import { action, exclusive, requireLogin } from 'sosise';
import AccountController from './AccountController.js';
import ShopController from './ShopController.js';

const router = Router();

// In your application, style sheets and scripts are files in public/.
router.use('/shop', express.static(fileURLToPath(new URL('public', import.meta.url))));
router.get('/', action(ShopController, 'index'));
// A new amount depends on the old one: exclusive() makes a double click count twice.
router.post('/cart/add', exclusive(), action(ShopController, 'add'));
router.post('/cart/remove', exclusive(), action(ShopController, 'remove'));

router.post('/login', action(AccountController, 'login'));
router.post('/logout', action(AccountController, 'logout'));
router.post('/logout-others', requireLogin(), action(AccountController, 'logoutOthers'));

export default router;
