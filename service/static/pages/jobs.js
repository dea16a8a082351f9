/* The page of imports and jobs. */

import { createClient } from "../lib/api.js";
import { pageConfig } from "../lib/page_data.js";
import { showJobs } from "./job_list.js";
import { showUpload } from "./upload.js";

const config = /** @type {JobsConfig} */ (pageConfig());
const client = createClient(config.api);
showJobs(config, client);
showUpload(config, client);
