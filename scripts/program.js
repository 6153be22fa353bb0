import {readFileSync} from 'node:fs';

/**
 * What oclif reads as the package.json of the stand-alone program: bare names of commands, found by their files, and what a host program
 * has of its own. Everything that the package says too comes from there.
 */
export function programPackage() {
  const {name, version, type, oclif, dependencies} = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  );
  const plugins = ['@oclif/plugin-help', '@oclif/plugin-autocomplete'];
  const {[name]: program, ...topics} = oclif.topics;
  return {
    ...{name, version, private: true, type, description: program.description},
    oclif: {
      ...{bin: oclif.bin, dirname: oclif.dirname, topicSeparator: oclif.topicSeparator},
      commands: {strategy: 'pattern', target: '../dist/commands'},
      topics: Object.fromEntries(Object.entries(topics).map(([topic, about]) => [topic.slice(name.length + 1), about])),
      plugins,
      additionalHelpFlags: ['-h'],
      helpClass: '../dist/cli/help.js',
      hooks: {command_not_found: '../dist/cli/command-not-found.js', postrun: '../dist/cli/completion.js'},
    },
    dependencies: Object.fromEntries(plugins.map((plugin) => [plugin, dependencies[plugin]])),
  };
}
