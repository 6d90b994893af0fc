// Owns a fault inside of a view: said instead of an empty page, and the other views go on.

import { Component, type ComponentChildren } from 'preact';
import { Failure } from './empty.tsx';

interface Props {
  readonly children: ComponentChildren;
}

export class Guard extends Component<Props, { failed: boolean }> {
  override state = { failed: false };

  static override getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override componentDidCatch(error: unknown): void {
    console.error(error);
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <Failure
        text="This view has a fault. The balancer itself is not touched by it."
        again={() => this.setState({ failed: false })}
      />
    );
  }
}
