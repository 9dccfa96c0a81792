# Builds with all packages, and runs with those of production alone. docs/deploy.md says how it is used.
FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# The framework, of sources or packed.
COPY packages ./packages
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build
# What runs, in one folder; public where you have made it.
RUN mkdir out && cp -R build package.json sosise.json artisan out && if [ -d public ]; then cp -R public out; fi

FROM node:22-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
COPY packages ./packages
RUN npm ci --omit=dev --no-audit --no-fund

FROM node:22-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/out .
RUN mkdir -p storage/sessions storage/logs && chown -R node:node storage
USER node
EXPOSE 10000
# Whether the process lives; whether it can serve is what load balancers ask GET /ready.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.LISTEN_PORT || process.env.PORT || 10000}/up`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "build/server.js"]
