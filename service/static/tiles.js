/* Layers of vector tiles that are styled anew where they are, without asking again, and tell what lies where. */
(function (global) {
  "use strict";

  // Tiles are drawn as many as fit into a frame, so that a map that is dragged goes on moving.
  const FRAME_MS = 8;
  const RESTING_MS = 40; // nobody drags a page that is not there yet, or that nobody touches
  let touched = -1e9;
  for (const kind of ["pointerdown", "pointermove", "wheel", "keydown"]) document.addEventListener(kind, () => { touched = performance.now(); }, { passive: true, capture: true });
  const waiting = [];
  let drawing = false;
  function turn(tile) {
    return new Promise((resolve) => {
      waiting.push(() => resolve(tile));
      if (!drawing) draw();
    });
  }
  async function draw() {
    drawing = true;
    while (waiting.length) {
      await new Promise((next) => { if (document.hidden) setTimeout(next); else requestAnimationFrame(next); });
      const begun = performance.now();
      const budget = document.body.dataset.ready && begun - touched < 400 ? FRAME_MS : RESTING_MS;
      while (waiting.length && performance.now() - begun < budget) {
        waiting.shift()();
        // What hangs on the promise is done before the clock is looked at.
        for (let k = 0; k < 4; k++) await null;
      }
    }
    drawing = false;
  }

  const Layer = L.VectorGrid.Protobuf.extend({
    // Draw what is there with the styles of now.
    restyle() {
      const styles = this.options.vectorTileLayerStyles;
      for (const key of Object.keys(this._vectorTiles)) {
        const tile = this._vectorTiles[key];
        const context = tile._ctx;
        context.clearRect(0, 0, tile._container.width, tile._container.height);
        for (let order = tile._drawFirst; order; order = order.next) {
          const shape = order.layer;
          const style = styles[shape.layerName];
          shape.options = L.extend({}, L.Path.prototype.options, typeof style === "function" ? style(shape.properties, tile._tileCoord.z) : style);
          tile._updateDashArray(shape);
          shape._updatePath();
        }
      }
      return this;
    },

    // The topmost thing at a place: its properties, or null.
    pick(at, slack) {
      const map = this._map;
      if (!map || this._tileZoom == null) return null;
      const size = this.getTileSize();
      const scale = map.getZoomScale(map.getZoom(), this._tileZoom);
      const point = map.project(at, this._tileZoom);
      const column = Math.floor(point.x / size.x);
      const row = Math.floor(point.y / size.y);
      const tile = this._vectorTiles[`${column}:${row}:${this._tileZoom}`];
      if (!tile) return null;
      const x = point.x - column * size.x;
      const y = point.y - row * size.y;
      for (let order = tile._drawLast; order; order = order.prev) {
        const shape = order.layer;
        if (shape.options.radius != null && shape._point) {
          const reach = shape.options.radius + (slack || 0) / scale;
          if (Math.hypot(shape._point.x - x, shape._point.y - y) <= reach) return shape.properties;
        } else if (shape._parts && shape.options.interactive !== false && inside(shape._parts, x, y)) return shape.properties;
      }
      return null;
    },

    _createLayer(feature, scale) {
      const shape = L.VectorGrid.prototype._createLayer.call(this, feature, scale);
      shape.layerName = feature.layerName;
      return shape;
    },

    // Each feature knows its layer, and a tile is drawn when it is its turn, not before `after` is fulfilled.
    _getVectorTilePromise(at) {
      return L.VectorGrid.Protobuf.prototype._getVectorTilePromise.call(this, at).then((tile) => {
        for (const [name, layer] of Object.entries(tile.layers)) for (const feature of layer.features) feature.layerName = name;
        return Promise.resolve(this.options.after).then(() => turn(tile));
      });
    },
  });

  function inside(parts, x, y) {
    let odd = false;
    for (const part of parts) {
      for (let i = 0, j = part.length - 1; i < part.length; j = i++) {
        const a = part[i];
        const b = part[j];
        if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) odd = !odd;
      }
    }
    return odd;
  }

  // A number upon a circle that stands for many.
  const Numbered = L.Canvas.Tile.extend({
    _updateCircle(shape) {
      L.Canvas.prototype._updateCircle.call(this, shape);
      if (!this._drawing || !shape.options.label) return;
      const context = this._ctx;
      context.save();
      context.globalAlpha = 1;
      context.font = "600 11px system-ui, sans-serif";
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillStyle = shape.options.labelColor || "#fff";
      context.fillText(shape.options.label, shape._point.x, shape._point.y);
      context.restore();
    },
  });

  function tiles(address, style, options) {
    return new Layer(address, {
      rendererFactory: (at, size, opts) => new Numbered(at, size, opts), maxNativeZoom: 18, minZoom: 3, maxZoom: 20,
      vectorTileLayerStyles: style, getFeatureId: () => 0, updateWhenZooming: false, updateInterval: 300, keepBuffer: 1, ...options,
    });
  }

  Object.assign(global.gridcover, { tiles });
})(window);
