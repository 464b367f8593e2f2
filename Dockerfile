# One image for all TypeScript parts; compose.yaml gives each its command. Node runs the sources as they are.
ARG NODE_IMAGE
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The install scripts only fetch what is needed on a developer's machine.
RUN --mount=type=cache,target=/npm npm ci --cache /npm --ignore-scripts --no-audit --no-fund
COPY prisma.config.ts ./
COPY prisma prisma
RUN PRISMA_SCHEMA_ENGINE_BINARY=/usr/local/bin/node npx prisma generate
# Peers and optional packages are the Prisma CLI and esbuild: nothing that runs here. Of Prisma's runtime, which carries
# a query compiler for each database twice, one is used.
RUN npm prune --ignore-scripts --omit=dev --omit=peer --omit=optional --no-audit --no-fund \
 && find node_modules/@prisma/client/runtime -type f ! -name 'client.*' ! -name 'query_compiler_fast_bg.postgresql.*' -delete \
 && rm -rf node_modules/esbuild node_modules/tsx node_modules/.bin \
 && find node_modules -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' -o -name '*.md' \) -delete

FROM ${NODE_IMAGE}
WORKDIR /app
ENV NODE_ENV=production NODE_OPTIONS=--disable-warning=ExperimentalWarning
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/prisma prisma
COPY package.json ./
COPY stack stack
COPY contract contract
COPY kit kit
COPY checks checks
COPY cleanup cleanup
COPY connect connect
COPY consumers-example consumers-example
COPY ingest ingest
COPY operate operate
COPY watch watch
USER 1000
