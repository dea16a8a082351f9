# The service and its worker. The database is a server of its own: see compose.yaml.
FROM debian:bookworm-slim
ENV DEBIAN_FRONTEND=noninteractive
WORKDIR /opt/gridcover
COPY . .
RUN ./scripts/setup.sh run && rm -rf /var/lib/apt/lists/* /root/.cache node_modules \
    && useradd --system --home-dir /var/lib/gridcover --create-home gridcover
ENV NUMBA_CACHE_DIR=/var/lib/gridcover/numba GRIDCOVER_HOST=0.0.0.0 GRIDCOVER_ALLOW_REMOTE=true
USER gridcover
EXPOSE 8765
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["/opt/gridcover/.venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/healthz', timeout=4)"]
CMD ["sh", "-c", ".venv/bin/gridcover db migrate && exec .venv/bin/gridcover serve"]
