// early: runs before the page is painted, so that it never shows in the wrong theme.

import { applyTheme } from './theme.js';

applyTheme();
