/* Layers of vector tiles that change their style without new requests, and return the shape at a
   place. */

import { tileTurn } from "./tile_queue.js";

/** Tile that draws a number on the circle of a cluster. */
const NumberedTile = L.Canvas.Tile.extend({
  /** @param {any} shape */
  _updateCircle(shape) {
    /** @type {any} */ (L.Canvas.prototype)._updateCircle.call(this, shape);
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

const VectorTiles = L.VectorGrid.Protobuf.extend({
  /** Draw the tiles that are there with the styles of now. */
  restyle() {
    const styles = this.options.vectorTileLayerStyles;
    for (const tile of Object.values(this._vectorTiles)) {
      tile._ctx.clearRect(0, 0, tile._container.width, tile._container.height);
      for (let order = tile._drawFirst; order; order = order.next) {
        const shape = order.layer;
        const style = styles[shape.layerName];
        const now =
          typeof style === "function" ? style(shape.properties, tile._tileCoord.z) : style;
        shape.options = L.extend({}, L.Path.prototype.options, now);
        tile._updateDashArray(shape);
        shape._updatePath();
      }
    }
    return this;
  },

  /**
   * Return the properties of the topmost shape at a place, null if there is none.
   *
   * @param {L.LatLng} latlng
   * @param {number} [slack] pixels that a circle may be missed by
   */
  pick(latlng, slack = 0) {
    const map = this._map;
    if (!map || this._tileZoom == null) return null;
    const size = this.getTileSize();
    const scale = map.getZoomScale(map.getZoom(), this._tileZoom);
    const point = map.project(latlng, this._tileZoom);
    const column = Math.floor(point.x / size.x);
    const row = Math.floor(point.y / size.y);
    const tile = this._vectorTiles[`${column}:${row}:${this._tileZoom}`];
    if (!tile) return null;
    const [x, y] = [point.x - column * size.x, point.y - row * size.y];
    for (let order = tile._drawLast; order; order = order.prev) {
      if (isAt(order.layer, x, y, slack / scale)) return order.layer.properties;
    }
    return null;
  },

  /** @param {any} feature @param {number} scale */
  _createLayer(feature, scale) {
    const shape = L.VectorGrid.prototype._createLayer.call(this, feature, scale);
    shape.layerName = feature.layerName;
    return shape;
  },

  /**
   * Return a tile once it has arrived, `options.after` is fulfilled and there is time to draw it.
   *
   * @param {L.Coords} coordinates
   */
  async _getVectorTilePromise(coordinates) {
    const address = L.Util.template(this._url, coordinates);
    const buffer = await this.options.client.tile(address);
    const layers = buffer && buffer.byteLength ? new VectorTile(new Pbf(buffer)).layers : {};
    for (const [name, layer] of Object.entries(layers)) {
      layer.features = Array.from({ length: layer.length }, (_, k) => readFeature(layer, k, name));
    }
    await this.options.after;
    await tileTurn();
    return { layers };
  },
});

/** @param {any} layer @param {number} index @param {string} name */
function readFeature(layer, index, name) {
  const feature = layer.feature(index);
  feature.geometry = feature.loadGeometry();
  feature.layerName = name;
  return feature;
}

/** @param {any} shape @param {number} x @param {number} y @param {number} slack */
function isAt(shape, x, y, slack) {
  if (shape.options.radius != null && shape._point) {
    return Math.hypot(shape._point.x - x, shape._point.y - y) <= shape.options.radius + slack;
  }
  return shape._parts && shape.options.interactive !== false && isInside(shape._parts, x, y);
}

/** @param {{x: number, y: number}[][]} rings @param {number} x @param {number} y */
function isInside(rings, x, y) {
  let odd = false;
  for (const ring of rings) {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [a, b] = [ring[i], ring[j]];
      if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) odd = !odd;
    }
  }
  return odd;
}

/**
 * Return a layer of vector tiles.
 *
 * @param {ApiClient} client
 * @param {string} address with {z}, {x} and {y}
 * @param {TileStyles} styles by the name of the layer in the tiles
 * @param {object} [options] of Leaflet's grid layers, and `after`, a promise that drawing waits for
 * @returns {TileLayer}
 */
export function vectorTiles(client, address, styles, options) {
  return new VectorTiles(address, {
    client,
    rendererFactory: (/** @type {any[]} */ ...given) => new NumberedTile(...given),
    maxNativeZoom: 18,
    minZoom: 3,
    maxZoom: 20,
    vectorTileLayerStyles: styles,
    getFeatureId: () => 0,
    updateWhenZooming: false,
    updateInterval: 300,
    keepBuffer: 1,
    ...options,
  });
}
