# coatcheckd as an image: non-root, for a read-only root file system, state in /var/lib/coatcheck.
# By default it listens on 127.0.0.1:8642, which the containers of one Kubernetes pod share, as do those of
# `docker run --network container:APP`. deploy/compose*.yaml show a shared socket and a network with a token.
FROM debian:trixie-slim AS build
WORKDIR /src
COPY deploy/packages deploy/install deploy/
RUN deploy/install
COPY . .
RUN --mount=type=cache,target=/ccache CCACHE_DIR=/ccache deploy/run --build && strip build/release/coatcheckd
# The packages whose libraries it is linked with, whatever this release of Debian calls them.
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN ldd build/release/coatcheckd | awk '$3 ~ "^/" { print $3 }' | xargs realpath | xargs dpkg-query --search \
    | cut -d: -f1 | sort -u >/src/build/libraries

FROM debian:trixie-slim
# Versions are Debian's business: a stable release only gets fixes.
# hadolint ignore=DL3008
RUN --mount=type=bind,from=build,source=/src/build/libraries,target=/tmp/libraries \
    apt-get update \
    && xargs -a /tmp/libraries apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* /var/cache/debconf/* /var/log/apt /var/log/dpkg.log /var/log/alternatives.log \
    && install -d -o 65532 -g 65532 -m 0700 /var/lib/coatcheck \
    && install -d -o 65532 -g 65532 -m 0755 /run/coatcheck
COPY --from=build /src/build/release/coatcheckd /usr/local/bin/

LABEL org.opencontainers.image.title="Coatcheck" \
      org.opencontainers.image.description="Sidecar daemon that keeps web apps' sessions behind plain HTTP" \
      org.opencontainers.image.licenses="Apache-2.0"
# A number, so that Kubernetes' runAsNonRoot can see it; no home, so XDG_STATE_HOME says where the SQLite file goes.
USER 65532:65532
ENV XDG_STATE_HOME=/var/lib
# libmongoc's counters, which nobody reads, would stay in /dev/shm whenever the daemon is killed.
ENV MONGOC_DISABLE_SHM=1
VOLUME /var/lib/coatcheck
EXPOSE 8642
HEALTHCHECK --interval=5s --timeout=3s CMD ["coatcheckd", "--health"]
ENTRYPOINT ["coatcheckd"]
