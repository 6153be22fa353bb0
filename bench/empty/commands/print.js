import {Command} from '@oclif/core';

export default class Print extends Command {
  static enableJsonFlag = true;

  async run() {
    return {printed: true};
  }
}
