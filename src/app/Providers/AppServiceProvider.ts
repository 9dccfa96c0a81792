import { ExceptionHandler, HttpPipeline, middleware, ServiceProvider } from 'sosise';
import routes from '../../routes/api.js';
import Handler from '../Exceptions/Handler.js';
import middlewares from '../Http/Middlewares/Kernel.js';

/** Connects your code to the framework. Add your own bindings to register(), and use them in boot(). */
export default class AppServiceProvider extends ServiceProvider {
    public override register(): void {
        this.app.container.singleton(ExceptionHandler, () => new Handler(this.app));
    }

    public override boot(): void {
        const pipeline = this.app.container.make(HttpPipeline);
        pipeline.use('middlewares', ...middlewares.map(middleware));
        pipeline.use('routes', routes);
    }
}
