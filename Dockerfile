# Builds with all packages, and runs with the production packages only. docs/deploy.md says how to use it.
FROM node:26-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# The framework: its sources, or the packed file.
COPY packages ./packages
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build
# What runs, in one folder; with public and views, if you have created them.
RUN mkdir out && cp -R build package.json sosise.json artisan out && for name in public views; do if [ -d $name ]; then cp -R $name out; fi; done

FROM node:26-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
COPY packages ./packages
RUN npm ci --omit=dev --no-audit --no-fund

FROM node:26-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/out .
RUN mkdir -p storage/sessions storage/logs && chown -R node:node storage
USER node
EXPOSE 10000
# Liveness: whether the process lives. For readiness, load balancers ask GET /ready.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.LISTEN_PORT || process.env.PORT || 10000}/up`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "build/server.js"]
