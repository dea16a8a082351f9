import js from "@eslint/js";
import globals from "globals";

const SCRIPTS_OF_OTHERS = {
  L: "readonly",
  uPlot: "readonly",
  Pbf: "readonly",
  VectorTile: "readonly",
};

export default [
  {
    ignores: [
      "node_modules/",
      "service/static/vendor/",
      ".venv/",
      ".tools/",
      "docs/",
      "build/",
      "dist/",
    ],
  },
  js.configs.recommended,
  {
    files: ["service/static/**/*.js"],
    languageOptions: { globals: { ...globals.browser, ...SCRIPTS_OF_OTHERS } },
    rules: {
      // service/bundling.py joins modules with these forms of import and export alone.
      "no-restricted-syntax": [
        "error",
        { selector: "ImportDefaultSpecifier", message: "Import by name." },
        { selector: "ImportNamespaceSpecifier", message: "Import by name." },
        { selector: "ImportExpression", message: "Import at the top of the module." },
        { selector: "ExportDefaultDeclaration", message: "Export by name." },
        { selector: "ExportAllDeclaration", message: "Export what the module itself declares." },
        {
          selector: "ExportNamedDeclaration > VariableDeclaration[kind='let']",
          message: "Export constants.",
        },
        {
          selector: "MemberExpression[property.name=/^(innerHTML|insertAdjacentHTML)$/]",
          message: "Use text nodes.",
        },
      ],
      "max-len": ["error", { code: 100 }],
      "max-lines": ["error", { max: 350 }],
      "max-lines-per-function": ["error", { max: 60 }],
    },
  },
  {
    files: ["**/*.js"],
    rules: {
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-shadow": "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-implicit-globals": "error",
    },
  },
  {
    files: ["tests/javascript/**/*.js", "eslint.config.js"],
    languageOptions: { globals: globals.node },
  },
];
