"""Where imports of JavaScript and TypeScript lead."""

import pytest

from support.arrows import arrows, led, workspace

LAYOUTS = {
    "relative": """
=== src/app.ts
import { a } from "./a"; // -> src/a.ts
import b from "./b.js"; // -> src/b.ts
import * as c from "./c"; // -> src/c/index.tsx
import d from "../lib/d.mjs"; // -> lib/d.mts
import { e } from "./e"; // -> src/e.d.ts src/e.js
import data from "./data.json"; // -> src/data.json
import { s } from "./a.service"; // -> src/a.service.ts
export * from "./a"; // -> src/a.ts
export { x } from "./c/index"; // -> src/c/index.tsx
import { gone } from "./gone"; // -> nothing
import { out } from "../../out"; // -> nothing
import React from "react"; // -> nothing
import { readFile } from "node:fs"; // -> nothing
=== src/a.ts
=== src/a.service.ts
=== src/b.ts
=== src/c/index.tsx
import { up } from ".."; // -> src/index.ts
import { here } from "."; // -> src/c/index.tsx
import { app } from "../"; // -> src/index.ts
=== src/index.ts
=== src/e.js
=== src/e.d.ts
=== src/data.json
{}
=== lib/d.mts
""",
    "commonjs": """
=== index.js
const a = require("./a"); // -> a.ts
const b = require("./b"); // -> b/index.js
const c = require("./c"); // -> c/main.js
const { d } = require("./d.js"); // -> d.js
const e = require("./e.js"); // -> e.ts
=== a.js
=== a.ts
=== b/index.js
=== c/package.json
{"main": "./main.js"}
=== c/main.js
=== d.js
=== e.ts
""",
    "aliases of tsconfig": """
=== tsconfig.base.json
{
  // comments, and commas at the end
  "compilerOptions": {
    "baseUrl": ".", /* here */
    "paths": {
      "@/*": ["src/*"],
      "@/shared/*": ["libs/shared/src/*"],
      "~config": ["config/index.ts"],
      "@lib-*": ["libs/*/src/index.ts", "libs/*/index.ts"],
    },
  },
}
=== app/tsconfig.json
{ "extends": "../tsconfig.base" }
=== app/main.ts
import { a } from "@/a"; // -> src/a.ts
import { b } from "@/shared/b"; // -> libs/shared/src/b.ts
import { c } from "~config"; // -> config/index.ts
import { d } from "@lib-shared"; // -> libs/shared/src/index.ts
import { e } from "src/a"; // -> src/a.ts
import { f } from "@lib-old"; // -> libs/old/index.ts
=== src/a.ts
=== libs/shared/src/b.ts
=== libs/shared/src/index.ts
=== libs/old/index.ts
=== config/index.ts
""",
    "a solution that only refers": """
=== web/tsconfig.json
{ "files": [], "references": [{ "path": "./tsconfig.node.json" }, { "path": "./tsconfig.app.json" }] }
=== web/tsconfig.node.json
{}
=== web/tsconfig.app.json
{ "compilerOptions": { "paths": { "#ui/*": ["./src/ui/*"] } } }
=== web/src/main.tsx
import { Button } from "#ui/Button"; // -> web/src/ui/Button.tsx
=== web/src/ui/Button.tsx
""",
    "packages of a monorepo": """
=== package.json
{ "workspaces": ["packages/*"] }
=== packages/core/package.json
{ "name": "@acme/core", "main": "dist/index.js", "types": "dist/index.d.ts" }
=== packages/core/src/index.ts
=== packages/core/src/deep/thing.ts
=== packages/ui/package.json
{ "name": "ui", "exports": { ".": { "types": "./dist/main.d.ts", "import": "./dist/main.mjs" },
  "./button": "./dist/components/button.js", "./icons/*": "./src/icons/*.tsx" },
  "imports": { "#theme": "./src/theme.ts", "#parts/*": "./src/parts/*.ts" } }
=== packages/ui/src/main.ts
import { x } from "@acme/core"; // -> packages/core/src/index.ts
import { y } from "@acme/core/src/deep/thing"; // -> packages/core/src/deep/thing.ts
import { z } from "@acme/core/deep/thing"; // -> packages/core/src/deep/thing.ts
import theme from "#theme"; // -> packages/ui/src/theme.ts
import { p } from "#parts/p"; // -> packages/ui/src/parts/p.ts
=== packages/ui/src/theme.ts
=== packages/ui/src/parts/p.ts
=== packages/ui/src/components/button.ts
=== packages/ui/src/icons/star.tsx
=== apps/web/package.json
{ "name": "web" }
=== apps/web/src/pages/home.tsx
import { main } from "ui"; // -> packages/ui/src/main.ts
import { Button } from "ui/button"; // -> packages/ui/src/components/button.ts
import { Star } from "ui/icons/star"; // -> packages/ui/src/icons/star.tsx
import { api } from "@/api"; // -> apps/web/src/api.ts
import { api2 } from "src/api"; // -> apps/web/src/api.ts
import { other } from "uix"; // -> nothing
=== apps/web/src/api.ts
""",
    "a comment without an end": """
=== tsconfig.json
{ "compilerOptions": { "paths": { "/* */": ["no.ts"], "b": ["./b.ts"] } } /* ends here */ } /* and /* so on
=== a.ts
import { b } from "b"; // -> b.ts
=== b.ts
""",
    "broken configuration": """
=== tsconfig.json
{ "extends": "./tsconfig.json", "compilerOptions": { "paths": { "a": 3, "b": ["./b.ts", 4] }, "baseUrl": 7 }
=== package.json
[1]
=== a.ts
import { b } from "b"; // -> nothing
import { c } from "./b"; // -> b.ts
=== b.ts
""",
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(text: str) -> None:
    index = workspace(text)
    said = arrows(index)
    assert said
    assert led(index, said) == said
