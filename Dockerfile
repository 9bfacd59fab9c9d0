ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY client/package.json client/
COPY scripts/left-out scripts/left-out
RUN npm ci
COPY tsconfig.json prisma.config.ts ./
COPY prisma prisma
COPY scripts scripts
COPY client client
COPY playground playground
COPY src src
RUN npm run build

FROM ${NODE_IMAGE} AS modules
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY client/package.json client/
# Without the optional ones too: they are Prisma's command line and TypeScript, two thirds of the whole.
RUN npm ci --omit=dev --omit=optional
# No server reads these, more than half of the whole: source maps, types, Prisma's query compilers for other databases.
RUN find node_modules -type f \( -name '*.map' -o -name '*.d.*ts' -o -name '*.d.ts' \
  -o -path '*/@prisma/client/runtime/query_compiler_*' ! -name '*_small_bg.postgresql.*' \) -delete

FROM ${NODE_IMAGE} AS argon2
WORKDIR /app
RUN apt-get update && apt-get install -y --no-install-recommends g++ make python3
COPY --from=modules /app/node_modules node_modules
COPY scripts/build-argon2.sh scripts/
# Only processors of this kind have AVX2. The folder must be there for all: docker-entrypoint.sh looks into it.
RUN mkdir argon2-avx2 && if [ "$(uname -m)" = x86_64 ]; then scripts/build-argon2.sh argon2-avx2; fi

FROM ${NODE_IMAGE}
# Node starts its threads before our code runs, so their number is set here: two more than hashes at once.
ENV NODE_ENV=production HOST=0.0.0.0 UV_THREADPOOL_SIZE=16
WORKDIR /app
COPY package.json ./
COPY client/package.json client/
COPY --from=modules /app/node_modules node_modules
COPY --from=argon2 /app/argon2-avx2 argon2-avx2
COPY scripts/docker-entrypoint.sh ./
COPY prisma/embedded prisma/embedded
COPY prisma/migrations prisma/migrations
COPY --from=build /app/dist dist
COPY --from=build /app/client/dist client/dist
COPY --from=build /app/playground/dist playground/dist
# The only folder that the server writes to; a volume takes its owner from here.
RUN mkdir .data && chown node:node .data
VOLUME /app/.data
USER node
EXPOSE 3000
# The slim image has no curl.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/app/docker-entrypoint.sh"]
# Not through npm, so that the server itself gets SIGTERM.
CMD ["node", "dist/main.js"]
