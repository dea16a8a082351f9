/* Types that several modules share: what the service answers, what pages are configured with. */

type Texts = Record<string, string>;
type QueryValue = string | number | boolean | null | undefined;
type Query = Record<string, QueryValue | readonly QueryValue[]>;
type Box = [west: number, south: number, east: number, north: number];

interface NumberFormats {
  /** Without decimals. */
  integer: Intl.NumberFormat;
  /** To three significant digits. */
  decimal: Intl.NumberFormat;
  percent: Intl.NumberFormat;
}

interface ApiClient {
  readonly root: string;
  /** Addresses that were read so far. */
  recorded(): string[];
  get(path: string, query?: Query, options?: { record?: boolean }): Promise<any>;
  /** Sends JSON, or a file as it is. */
  send(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<any>;
  tile(address: string): Promise<ArrayBuffer | null>;
}

interface UrlState {
  get(key: string): string | null;
  /** No value takes the key out. */
  set(key: string, value: string | number | null | undefined): void;
}

/** Media type, text, and whether the text is base64. */
type SavedAnswer = [type: string, text: string, isBase64?: boolean];
interface SavedPage {
  hash: string;
  title: string;
  when: string;
  answers: Record<string, SavedAnswer>;
}

interface PageConfig {
  language: string;
  t: Texts;
  api: string;
  manages?: boolean;
}

interface DashboardConfig extends PageConfig {
  run: number | null;
  /** Whether the coverage of the newest run is there and the dashboard's figures are not. */
  pending?: boolean;
  levels?: string[];
}

interface JobsConfig extends PageConfig {
  zone: string;
  /** Columns of each register. */
  columns: Record<string, string[]>;
}

interface VideoWallConfig extends PageConfig {
  zone: string;
  pages: string[];
  seconds: number;
}

interface ChartSeries {
  label: string;
  values: readonly (number | null)[];
  colour?: string;
  bars?: boolean;
}

interface ChartOptions {
  height?: number;
  format: Intl.NumberFormat;
  /** Upper end of the axis; usually a little above the largest value. */
  top?: number;
  /** First and last step that are marked. */
  band?: [number, number];
  onPick?: (step: number) => void;
}

/* Set-up */

interface SetupStep {
  key: string;
  state: "present" | "partial" | "missing";
  count: number | null;
  share: number | null;
  command: string | null;
}
interface SetupStatus {
  ready: boolean;
  next: string | null;
  steps: SetupStep[];
}

/* Areas and search */

interface Area {
  code: string;
  name: string;
  name_en?: string | null;
  level: string;
  parent: string | null;
  lat: number;
  lon: number;
  bbox: Box;
}
interface SearchHit {
  kind: string;
  code: string;
  name: string;
  name_en?: string | null;
  within: string | null;
  bbox: Box;
}

/* Coverage */

interface GridValues {
  run?: number;
  codes: string[];
  communities: string[];
  values: (number | null)[];
  ground_m2: number[];
  breaks?: Record<string, Record<string, number[]>>;
}
interface BlindSpotRow {
  grid: string;
  grid_name: string | null;
  grid_name_en: string | null;
  number: number;
  rank: number;
  area_m2: number;
  risk: number | null;
  bbox: Box;
}
interface BlindSpotPage {
  blind_spots: BlindSpotRow[];
  total: number;
  area_m2: number;
  risk: number | null;
}
interface CamerasUsed {
  cameras: number;
  assumed_share: number;
}

/* Planning */

type PlanField = "bearing_deg" | "fov_deg" | "range_m" | "height_m";
type PlannedCamera = { lon: number; lat: number; kind: string } & Partial<
  Record<PlanField, number>
>;
interface PlannedView {
  geometry: any;
  area_m2: number;
}
interface GainedGrid {
  grid: string;
  gained_m2: number;
  share_before: number | null;
  share_after: number | null;
}
interface PlanGain {
  views: PlannedView[];
  added: any;
  grids: GainedGrid[];
  gained_m2: number;
  risk: number;
  incidents: number;
}
interface Scenario {
  id: number;
  name: string;
  owner: string;
  mine: boolean;
  shared: boolean;
  version: number;
  cameras: PlannedCamera[];
}
interface ScenarioFigures {
  name: string;
  cameras: number;
  gained_m2: number;
  risk: number;
  per_camera_m2: number;
}

/* Incidents */

interface Category {
  path: string;
  count: number;
}
interface GridClass {
  class: string;
  q_value?: number;
  gi_star?: number;
  previous?: number;
  current?: number;
  since?: string;
}
interface GridClasses {
  grids: Record<string, GridClass>;
  current?: number;
  previous?: number;
}

/* Data quality */

interface IssueCount {
  layer: string;
  aspect: string;
  issue: string;
  owner: string;
  rows: number;
}

/* Dashboard */

interface Figure {
  share: number | null;
  numerator: number;
  denominator: number;
  target?: number | null;
  met?: boolean | null;
}
type Figures = Record<string, Figure>;
interface DashboardArea {
  code: string;
  name: string;
  name_en: string | null;
  figures: Figures;
}
interface DashboardData {
  area: { code: string; figures: Figures };
  path: { code: string; name: string; name_en: string | null; level: string }[];
  areas: DashboardArea[];
  gini: Record<string, number | null>;
}
interface ServiceRequestMonth {
  month: string;
  received: number;
  in_time_share: number | null;
}
interface CameraYear {
  year: number;
  in_service: number;
  installed: number;
  upgraded: number;
  retired: number;
  platforms: number;
}
interface Trends {
  service_requests_by_month: ServiceRequestMonth[];
  cameras_by_year: CameraYear[];
}
interface Alert {
  grid: string;
  grid_name: string | null;
  grid_name_en: string | null;
  category: string | null;
  since: string;
  observed: number;
  expected: number;
}

/* Jobs and imports */

interface Job {
  id: number;
  task: string;
  state: string;
  step: string | null;
  arguments: { layer?: string; upload?: string };
  outcome: any;
  has_report: boolean;
  requested_by: string;
  requested_at: string;
  started_at: string | null;
  finished_at: string | null;
}
interface HeaderUse {
  header: string;
  column: string | null;
  how: string;
  proposed: string | null;
  evidence: string;
  evidence_kind: string;
  facts: Record<string, unknown>;
}
interface ImportPreview {
  headers: HeaderUse[];
  rows: string[][];
  missing: string[];
}

/* Layers of the map */

type FeatureProperties = Record<string, any>;
type ShapeStyle = Record<string, unknown>;
type StyleFunction = (feature: FeatureProperties, zoom: number) => ShapeStyle;
type TileStyles = Record<string, ShapeStyle | StyleFunction>;
interface TileLayer extends L.GridLayer {
  restyle(): this;
  pick(latlng: L.LatLng, slack?: number): FeatureProperties | null;
}

/* The preview of a file */

interface PreviewActions {
  again(): void;
  leave(): void;
  store(mappingName: string): void;
}
interface ColumnChoice {
  clear(): void;
  renames(): string;
  propose(preview: ImportPreview): void;
  table(preview: ImportPreview, layer: string, onChange: () => void): HTMLElement;
}
interface PreviewContext {
  config: JobsConfig;
  integer: Intl.NumberFormat;
  columns: ColumnChoice;
  onChange: () => void;
  actions: PreviewActions;
}

/* The dashboard's page */

interface FigureCard {
  figure: string;
  layer?: string;
  aspect?: string;
  issue?: string;
}
interface DashboardState {
  area: string | null;
  level: string;
  /** The figure that areas are ranked by. */
  by: string;
  /** Whether the worst come first. */
  up: boolean;
}
/** What the parts of the dashboard are drawn from. */
interface DashboardView {
  readonly config: DashboardConfig;
  readonly t: Texts;
  readonly formats: NumberFormats;
  readonly state: DashboardState;
  /** Levels that this deployment has, from the district down. */
  readonly levels: readonly string[];
  data: DashboardData;
  /** Shows the present data again. */
  redraw(): void;
  /** Shows an area by the areas of a level below it. */
  go(area: string | null, level: string): void;
}
/** A part of the dashboard with a chart that is drawn once it is on the page. */
interface ChartPart {
  element: HTMLElement;
  draw(): uPlot;
}

/* The map pages */

interface MapConfig extends PageConfig {
  page: "coverage" | "incidents" | "data_quality";
  tiles: string;
  static: string;
  user: string;
  run: number | null;
  /** The first and the last moment of the incidents, local. */
  period: { first: string; last: string } | null;
  /** Whether single cameras' views are shown. */
  views: boolean;
  /** Whether one may ask which cameras see a place. */
  seeing: boolean;
  bounds: [[south: number, west: number], [north: number, east: number]];
  sources: string[];
  basemap: { url: string | null; attribution: string };
}

/** What every part of a map page is handed. Nothing is written to it. */
interface MapContext {
  readonly map: L.Map;
  readonly config: MapConfig;
  readonly t: Texts;
  readonly language: string;
  readonly formats: NumberFormats;
  readonly client: ApiClient;
  readonly urlState: UrlState;
  readonly layers: MapLayers;
  readonly clicks: ClickMode;
  readonly drawer: Drawer;
  /** The panel's place for the page's own content. */
  readonly content: HTMLElement;
  readonly areas: Promise<Area[]>;
  readonly district: L.LatLngBounds;
  /** Whether the address says where the map opens. */
  readonly hasPosition: boolean;
  readonly isVideoWall: boolean;
  readonly isSaved: boolean;
}

/** What a page says of itself, for sheets and saved files. */
interface PageSummary {
  /** What is shown, in words. */
  describe?: () => string;
  /** Sets of tiles that a saved page needs besides the base map. */
  tileSets?: readonly string[];
}

interface MapLayers {
  /**
   * Adds a layer to the control, and to the map now, once the leading layer is drawn, or when
   *   chosen.
   */
  add<T extends L.Layer>(layer: T, name: string, shown: "now" | "later" | "chosen"): T;
  /** Says which layer the page is opened for; fulfilled once it is drawn or has had its time. */
  lead(layer: L.Layer): Promise<void>;
  showDeferred(): void;
  /** Shows what waits, and says that the page is ready. */
  finish(): Promise<void>;
}

interface ClickTask {
  /** The click on the map that the task waits for. */
  onClick(event: L.LeafletMouseEvent): void;
  /** The task has its click or was given up. */
  onEnd(): void;
}
interface ClickMode {
  /** Hands the next click on the map to a task; null gives up the present one. */
  start(task: ClickTask | null): void;
  /** Calls a function for clicks that no task waits for. */
  onPlainClick(listener: (event: L.LeafletMouseEvent) => void): void;
}

interface Drawer {
  /** Shows a card in place of the panel's content; the key is what it is of. */
  show(key: string, ...content: (Node | string | null)[]): void;
  onClose(listener: () => void): void;
}

interface Choice {
  readonly row: HTMLElement;
  readonly select: HTMLSelectElement;
  readonly value: string;
  /** Of the option that is chosen. */
  readonly text: string;
}

interface AreaFilter {
  readonly element: HTMLElement;
  choose(code: string): void;
  /** The chosen areas in words. */
  text(): string;
}

interface SeeingCamera {
  camera: string;
  name: string | null;
  status: string;
  distance_m: number;
  bearing_deg: number;
  px_per_m: number | null;
}

/* The coverage page */

interface CoverageControls {
  measure: Choice;
  image: Choice;
  light: Choice;
  group: Choice;
  classes: Choice;
  number: Choice;
  order: Choice;
}
interface CoverageParts {
  figures: HTMLElement;
  key: HTMLElement;
  list: HTMLElement;
  listTitle: HTMLElement;
  more: HTMLButtonElement;
  compare: HTMLDetailsElement;
}
interface CoverageLayers {
  shade: TileLayer;
  spots: TileLayer;
  cameras: TileLayer;
  /** What a camera sees, and what is hidden from it. */
  cameraView: L.GeoJSON;
  /** Around what a list or a card is of. */
  outline: L.Rectangle;
}
interface CoverageView {
  readonly context: MapContext;
  readonly controls: CoverageControls;
  readonly parts: CoverageParts;
  layers: CoverageLayers | null;
  values: GridValues;
  valueOf: Map<string, number | null>;
  breaks: readonly number[];
  areas: readonly Area[];
  /** Codes of the grids in the chosen area; null for all. */
  inside: Set<string> | null;
  /** The cameras that the figures rest on. */
  used: CamerasUsed | null;
  /** What was heard of cameras since the tiles were made. */
  statuses: Map<string, string>;
  /** The map of an older run beside this one. */
  second: { restyle(): void; remove(): void } | null;
}

/* The incidents page */

interface Denominator {
  /** Square metres. */
  ground: number;
  /** Residents. */
  people: number;
}
interface IncidentControls {
  step: Choice;
  span: Choice;
  show: Choice;
  level: Choice;
  measure: Choice;
  baseline: Choice;
}
type IncidentQuery = {
  from: string;
  until: string;
  category: readonly string[] | null;
  area: string | null;
};
/** The period that is shown: steps of the calendar, and which of them. */
interface PeriodView {
  steps: string[];
  /** The step that the period ends with. */
  at: number;
  /** The kind of the steps, as they were made. */
  kind: string;
  readonly first: Date;
  readonly last: Date;
}
interface IncidentParts {
  figures: HTMLElement;
  periodText: HTMLElement;
  slider: HTMLInputElement;
  play: HTMLButtonElement;
  shift: HTMLElement;
  tree: HTMLDetailsElement;
  legend: HTMLElement;
  list: HTMLElement;
  listTitle: HTMLElement;
  trend: HTMLElement;
  byCategory: HTMLElement;
  hours: HTMLElement;
}
interface IncidentLayers {
  byGrid: TileLayer;
  byArea: TileLayer;
  /** Holds the one of the two that is shown. */
  shading: L.LayerGroup;
  heat: L.HeatLayer;
  /** Holds the heat map: the control takes its scale's largest zoom for the layer's. */
  heatGroup: L.LayerGroup;
  /** Lets the shading draw: nothing is drawn before its colour is known. */
  startDrawing(): void;
}
interface IncidentView {
  readonly context: MapContext;
  readonly controls: IncidentControls;
  readonly parts: IncidentParts;
  readonly period: PeriodView;
  readonly area: AreaFilter;
  layers: IncidentLayers | null;
  areas: readonly Area[];
  population: GridValues;
  denominators: ReadonlyMap<string, Denominator>;
  /** Counts of the period by grid. */
  counts: Record<string, number>;
  /** The same by grid or area, as the level says. */
  sums: Record<string, number>;
  /** Hot spots or change, where these are shown. */
  classes: GridClasses | null;
  colourOf: (code: string) => string | null;
  categories: readonly Category[];
  /** Number of the newest request: older answers are dropped. */
  request: number;
  /** Of the animation, while it runs. */
  timer: ReturnType<typeof setInterval> | null;
  trendChart: { mark(first: number, last: number): void } | null;
  /** What the charts are of, so that they are not drawn again for the same. */
  charted: string;
  /** Box and zoom that the heat's points were requested for. */
  heatScope: { zoom: number; box: Box } | null;
}

/** What the card of a grid shows, beside figures that are shown as they are. */
interface GridCard extends Record<string, any> {
  code: string;
  run: number | null;
  months: { month: string; count: number }[];
  trend: { run: number; at: string; open_covered_share: number | null }[];
  staff: { role: string; name: string; phone: string | null }[];
  seen_by: { code: string; name: string | null; status: string; inside: boolean }[];
  bbox: Box;
}

/* The data-quality page */

interface IssueFilter {
  layer: string;
  aspect: string;
  issue: string;
  owner: string;
  area: string;
}

/* The plan on the coverage page */

interface Plan {
  readonly context: MapContext;
  cameras: PlannedCamera[];
  /** What each camera sees, in words. */
  areaTexts: string[];
  readonly layers: { views: L.GeoJSON; gained: L.GeoJSON; marks: L.LayerGroup };
  readonly parts: {
    box: HTMLDetailsElement;
    gain: HTMLElement;
    note: HTMLElement;
    list: HTMLElement;
    files: HTMLElement;
    kind: HTMLSelectElement;
  };
  /** Draws the cameras again, keeps them in the address and asks what they gain. */
  changed(): void;
  /** Asks what the cameras see, while one is dragged. */
  moved(): void;
  say(text: string): void;
}
