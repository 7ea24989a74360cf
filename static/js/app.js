// Everything that pages share; each behaviour does nothing where its markup is absent.
import "./theme.js";
import "./menu.js";
import "./dialogs.js";
import "./keys.js";
import "./palette.js";
import "./peek.js";
import "./copy.js";
import "./composer.js";
import "./board.js";
import "./board-drag.js";
import "./live.js";
import "./connection.js";
import "./swap.js";
import "./submit.js";
import "./draft.js";
import "./clock.js";
import "./zone.js";
