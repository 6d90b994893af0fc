// Owns which question is asked.

import { dialog } from '../actions.ts';
import { ApplyDialog, RollBackDialog } from '../parts/config-dialogs.tsx';
import { DrainDialog } from '../parts/drain-dialog.tsx';
import { AddDialog, ModeDialog, RemoveDialog, TakeBackDialog, WeightDialog } from '../parts/endpoint-dialogs.tsx';
import { HelpDialog } from '../parts/help-dialog.tsx';
import { SiteDialog, SplitDialog } from '../parts/site-dialogs.tsx';

export function Dialogs() {
  const { value } = dialog;
  switch (value?.kind) {
    case undefined:
      return null;
    case 'drain':
      return <DrainDialog id={value.id} key={value.id} />;
    case 'maintenance':
    case 'ready':
      return <ModeDialog id={value.id} mode={value.kind} key={value.kind + value.id} />;
    case 'weight':
      return <WeightDialog id={value.id} key={value.id} />;
    case 'remove':
      return <RemoveDialog id={value.id} key={value.id} />;
    case 'take-back':
      return <TakeBackDialog id={value.id} key={value.id} />;
    case 'add':
      return <AddDialog pool={value.pool} />;
    case 'site':
      return <SiteDialog site={value.site} to={value.to} />;
    case 'split':
      return <SplitDialog split={value.split} />;
    case 'apply':
      return <ApplyDialog {...value} />;
    case 'roll-back':
      return <RollBackDialog {...value} />;
    case 'help':
      return <HelpDialog />;
  }
}
