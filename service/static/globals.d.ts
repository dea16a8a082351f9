/* Scripts of others that put their names into the page, and Leaflet's plugins, which bring no
   types. */

import "leaflet";
import "uplot";

declare global {
  class Pbf {
    constructor(buffer: ArrayBuffer);
  }
  class VectorTile {
    constructor(buffer: Pbf);
    layers: Record<string, any>;
  }

  interface Window {
    jspdf?: typeof import("jspdf");
  }
}

declare module "leaflet" {
  const VectorGrid: any;
  namespace Canvas {
    const Tile: any;
  }
  namespace canvas {
    function tile(coordinates: any, size: any, options: any): any;
  }
  interface HeatLayer extends Layer {
    setLatLngs(points: readonly number[][]): this;
    setOptions(options: object): this;
  }
  function heatLayer(points: readonly number[][], options: object): HeatLayer;
  interface Map {
    _animatingZoom?: boolean;
  }
  interface Handler {
    moving?(): boolean;
  }
}
