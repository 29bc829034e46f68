// The brand's page: a logo that is dropped, pasted or chosen.
import { refresh } from "./fields/pictures.js";

refresh();
