# Server and worker are one image; the command says which. Debian, since Temporal's native client needs glibc.
FROM node:20.20.2-bookworm-slim AS base
# The git actions run it.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates git \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app

FROM base AS build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# Temporal's packages are peers, and here development dependencies as well: `--omit=dev` would take them away.
RUN npm run build && npm pkg delete devDependencies && npm prune --ignore-scripts --no-audit --no-fund

FROM base
ENV NODE_ENV=production HOLDPOINT_HOME=/var/lib/holdpoint
RUN install --directory --owner=node --group=node /var/lib/holdpoint
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
USER node
ENTRYPOINT ["node", "dist/cli/main.js"]
