/** What other features may use of this one. */
export {SETTINGS, choiceOf, choicesOf} from './catalogue.js';
export {parseClaims} from './claims.js';
export {currentSettings} from './config.js';
export {type Consequence, consequences, signsOutAll} from './consequences.js';
export {drainText, limitsOff, notInForce, unlessInForce} from './in-force-text.js';
export {readSettings, writeSettings} from './queries.js';
export {askChoice, askInteger} from './questions.js';
export {LISTED, type ListedRule, ORDER, RULE_COLUMNS, type Rule, readRules} from './rules.js';
export {endingQuestion, impactText, rejectWarning, trapWarning} from './text.js';
export {
  type ImpactReport,
  NO_IMPACT,
  type RuleImpact,
  previewRules,
  readBasis,
  readEnding,
  readImpact,
  verdictValues,
} from './verdicts.js';
