# docker build -t bioimage-hub . && docker run -p 8080:8080 -v hub-data:/data bioimage-hub

FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/hub
COPY . .
# The lock also holds development tools: as constraints it pins what the service needs and installs nothing else.
RUN /opt/hub/bin/pip install --no-cache-dir --constraint requirements.lock ".[postgres]"

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin hub \
    && install -d -o hub -g hub /data
COPY --from=build /opt/hub /opt/hub
ENV PATH=/opt/hub/bin:$PATH PYTHONUNBUFFERED=1
USER hub
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
CMD ["hub", "serve", "--host", "0.0.0.0"]
